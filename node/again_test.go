package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
)

// startingWithin asks for a start between now and a span from now.
func (w *world) startingWithin(span time.Duration) func(*ivoa.ExecutionRequest) {
	return func(r *ivoa.ExecutionRequest) {
		from := wall(w.now())
		r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: from.Add(span)})
	}
}

func abandoned(d *despatch.Despatch, veto time.Duration) despatch.Completion {
	c := completion(d, despatch.Abandoned)
	c.Failure = &despatch.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: int64(veto.Seconds())}
	return c
}

// messages is what a session says, as it is stored: views add to it.
func (w *world) messages(s *ivoa.Session) (list []string) {
	stored, err := w.stored(operator, toRead, id(w.t, s))
	require.NoError(w.t, err)
	for _, m := range stored.Messages {
		list = append(list, m.Text)
	}
	return list
}

// lastMessage is the last that a session says.
func (w *world) lastMessage(s *ivoa.Session) string {
	messages := w.messages(s)
	return messages[len(messages)-1]
}

// texts is the text of every message event of a session.
func (w *world) texts(s *ivoa.Session) (list []string) {
	ctx, cancel := context.WithCancel(context.Background())
	events, err := w.Events(ctx, operator, id(w.t, s), 0)
	require.NoError(w.t, err)
	synctest.Wait()
	for more := true; more; {
		select {
		case e, open := <-events:
			if more = open; open && e.Type == EventMessage {
				list = append(list, e.Message)
			}
		default:
			more = false
		}
	}
	cancel()
	return list
}

func TestARetryKeepsToTheUsersLatestStart(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, w.startingWithin(10*time.Minute)))
		d := w.takeWork()
		_, err := w.complete(d, abandoned(d, 5*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase, "there is time for another try")
		time.Sleep(5 * time.Minute)
		w.register()
		d = w.takeWork()
		_, err = w.complete(d, abandoned(d, 6*time.Minute))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		texts := w.messages(s)
		assert.Contains(t, texts[len(texts)-2], "can't begin by ")
		assert.Contains(t, texts[len(texts)-1], "attempt 2 ABANDONED: cloud (code 660)")
		assert.EqualValues(t, 8, w.freeCores())
	})
}

// An executor that comes a moment late is forgiven; one that comes hours late
// has nothing to do any more.
func TestAStartThatWasMissedIsNotMadeGoodHoursLater(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, w.startingWithin(0)))
		time.Sleep(30 * time.Second)
		d := w.takeWork()
		assert.Equal(t, s.UUID(), d.Session.UUID)
		late := w.accepted(alice, request(1, w.startingWithin(time.Minute)))
		time.Sleep(time.Hour)
		w.register()
		none, _, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
		require.NoError(t, err)
		assert.Nil(t, none)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(late).Phase)
		assert.Contains(t, w.lastMessage(late), "can't begin by ")
	})
}

func TestWhoWatchesHearsOfAFailedAttemptAndOfTheNext(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		d := w.takeWork()
		_, err := w.complete(d, abandoned(d, time.Hour))
		require.NoError(t, err)
		next := ivoa.FormatInstant(wall(w.now() + 3600_000))
		assert.Equal(t, []string{"attempt 1 ABANDONED: cloud (code 660); next try at " + next}, w.texts(s))
		time.Sleep(time.Hour)
		w.register()
		w.takeWork()
		time.Sleep(2 * time.Minute)
		assert.Contains(t, w.texts(s)[1], "attempt 2 is lost: no report came within the lease; next try at ")
	})
}

// Who says that it did complete is believed, though it had been told to stop.
func TestCompletedAfterAWalltimeStopIsCompleted(t *testing.T) {
	exit := func(code int) *int { return &code }
	for name, c := range map[string]struct {
		outcome despatch.Outcome
		exit    *int
		want    ivoa.SessionPhase
	}{
		"completed":          {despatch.Completed, exit(0), ivoa.SessionCompleted},
		"without a status":   {despatch.Completed, nil, ivoa.SessionCompleted},
		"partly":             {despatch.Partial, nil, ivoa.SessionCompleted},
		"with a bad status":  {despatch.Completed, exit(3), ivoa.SessionFailed},
		"abandoned":          {despatch.Abandoned, nil, ivoa.SessionFailed},
		"failed with status": {despatch.Failed, exit(1), ivoa.SessionFailed},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.accepted(alice, request(1))
				d := w.takeWork()
				answer := w.untilStopped(d)
				assert.Equal(t, despatch.StopWalltime, answer.Stop.Reason)
				done := completion(d, c.outcome)
				done.ExitCode = c.exit
				_, err := w.complete(d, done)
				require.NoError(t, err)
				assert.Equal(t, c.want, w.session(s).Phase)
			})
		})
	}
}

// untilStopped heartbeats until there is an order to stop.
func (w *world) untilStopped(d *despatch.Despatch) despatch.UpdatesAnswer {
	w.t.Helper()
	for range 1000 {
		answer, err := w.Report(context.Background(), builtIn, ref(w.t, d), despatch.Updates{Fence: d.Fence}, 0)
		require.NoError(w.t, err)
		if answer.Stop != nil {
			return answer
		}
		time.Sleep(10 * time.Second)
	}
	require.Fail(w.t, "no order to stop came")
	return despatch.UpdatesAnswer{}
}

// Promise 3: every despatch has its history entry, also one that nobody heard of.
func TestHangingUpAtTheHandoverIsNoTry(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		hungUp, hangUp := context.WithCancel(context.Background())
		hangUp()
		for range 5 {
			_, _, err := w.Despatch(hungUp, builtIn, w.executor, 0)
			require.ErrorIs(t, err, context.Canceled)
		}
		d := w.takeWork()
		assert.Equal(t, 6, d.Attempt)
		page, _, err := w.History(context.Background(), alice, nil, accounting.HistoryFilter{Session: accounting.SessionID(s.UUID())}, "", 10)
		require.NoError(t, err)
		require.Len(t, page, 6)
		for _, h := range page[1:] {
			assert.Equal(t, accounting.Stalled, h.Phase)
		}
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, &despatch.Despatch{HistoryRef: string(page[1].HistoryRef)}))
		require.NoError(t, err)
		require.Len(t, entry.Notes, 1)
		assert.Contains(t, entry.Notes[0].Text, "hung up")
		for range 2 {
			_, err = w.complete(d, abandoned(d, 0))
			require.NoError(t, err)
			d = w.takeWork()
		}
		_, err = w.complete(d, abandoned(d, 0))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase, "three tries there were")
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

func TestReportedTimesTellThePhasesApart(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		d := w.takeWork()
		time.Sleep(20 * time.Second)
		now := wall(w.now())
		report := despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
			{Key: "1", Type: despatch.ActionStarted, Action: "run", Time: now.Add(-15 * time.Second)},
			{Key: "2", Type: despatch.ActionCompleted, Action: "run", Time: now.Add(-5 * time.Second)},
		}}
		_, err := w.Report(context.Background(), builtIn, ref(t, d), report, 0)
		require.NoError(t, err)
		stored, err := w.stored(alice, toRead, id(t, s))
		require.NoError(t, err)
		at := map[ivoa.SessionPhase]time.Time{}
		for _, step := range stored.Trail {
			at[step.Phase] = wall(step.At)
		}
		assert.Equal(t, now.Add(-15*time.Second), at[ivoa.SessionRunning])
		assert.Equal(t, now.Add(-5*time.Second), at[ivoa.SessionReleasing])
	})
}

func TestALeaseIsWhatTheExecutorAsksForWithinBounds(t *testing.T) {
	for asked, want := range map[int]int{0: 60, 1: 10, 120: 120, 24 * 3600: 3600} {
		inTime(t, func(t *testing.T) {
			w := onlyLent(t)
			e := w.lend(func(r *despatch.Registration) { r.LeaseSeconds = asked })
			w.accepted(alice, request(1))
			d, _ := w.poll(e)
			require.NotNil(t, d)
			assert.Equal(t, want, d.Lease.Seconds)
			answer, err := w.Report(context.Background(), robot, ref(t, d), despatch.Updates{Fence: d.Fence}, 0)
			require.NoError(t, err)
			assert.Equal(t, want, answer.Lease.Seconds)
			assert.Equal(t, wall(w.now()).Add(time.Duration(want)*time.Second), answer.Lease.Expires)
		})
	}
}
