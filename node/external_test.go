package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// lend registers an executor of somebody else's, with a pool of its own.
func (w *world) lend(edit ...func(*despatch.Registration)) identity.UUID {
	w.t.Helper()
	r := despatch.Registration{
		Name: "lt-1", Kinds: testKinds, Schemes: []string{"http"}, Capacity: despatch.Capacity{Cores: 4, Memory: 8, Storage: 10},
	}
	for _, e := range edit {
		e(&r)
	}
	answer, _, err := w.Register(context.Background(), robot, r)
	require.NoError(w.t, err)
	u, err := identity.ParseUUID(answer.UUID)
	require.NoError(w.t, err)
	return u
}

func (w *world) poll(executor identity.UUID) (*despatch.Despatch, despatch.Reasons) {
	w.t.Helper()
	d, reasons, err := w.Despatch(context.Background(), robot, executor, 0)
	require.NoError(w.t, err)
	return d, reasons
}

// onlyLent is a world whose own executor takes nothing that is asked here.
func onlyLent(t *testing.T, edit ...func(*Options)) *world {
	w := newWorld(t, edit...)
	time.Sleep(2 * aliveMillis * time.Millisecond) // its registration lapses
	return w
}

func TestALentExecutorsWindowsAreKept(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		opens := wall(w.now()).Add(time.Hour)
		e := w.lend(func(r *despatch.Registration) {
			r.Windows = []despatch.Window{{Start: opens, End: opens.Add(2 * time.Hour)}}
		})
		s := w.accepted(alice, request(2))
		span, err := ivoa.ParseInterval(s.Schedule.Available.Start)
		require.NoError(t, err)
		assert.Equal(t, opens, span.Start.UTC())
		d, reasons := w.poll(e)
		assert.Nil(t, d)
		assert.Equal(t, despatch.Reasons{despatch.ReasonOutsideWindow: 1}, reasons)
		time.Sleep(time.Hour)
		synctest.Wait()
		d, _ = w.poll(e)
		assert.NotNil(t, d)
	})
}

func TestALapsedRegistrationOffersNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		w.lend()
		w.offer(alice, request(1))
		time.Sleep(aliveMillis * time.Millisecond)
		set := w.ask(alice, request(1))
		assert.Equal(t, ivoa.No, set.Result)
		assert.Contains(t, set.Meta.Messages[0].Text, "its executors run: nothing at present")
	})
}

// Promise 1 and 2: an executor that comes back with less has what was booked
// booked anew, and what it can't do any more fails with a reason.
func TestASmallerExecutorHasItsBookingsMoved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		smaller := func(r *despatch.Registration) { r.Capacity.Cores = 2 }
		w.lend()
		first, second := w.accepted(alice, request(2)), w.accepted(alice, request(2))
		large := w.accepted(alice, request(3))
		offered := w.offer(alice, request(4))
		e := w.lend(smaller)
		synctest.Wait()
		failed := w.session(large)
		assert.Equal(t, ivoa.SessionFailed, failed.Phase)
		assert.Contains(t, w.lastMessage(large), "no longer has")
		assert.Equal(t, ivoa.SessionExpired, w.session(offered).Phase)
		for _, s := range []*ivoa.Session{first, second} {
			d, _ := w.poll(e)
			for d == nil {
				time.Sleep(10 * time.Second)
				d, _ = w.poll(e)
			}
			assert.Equal(t, s.UUID(), d.Session.UUID)
			_, err := w.Complete(context.Background(), robot, ref(t, d), completion(d, despatch.Completed))
			require.NoError(t, err)
		}
		w.audit()
	})
}

func TestAMissedWindowIsSaidAndMadeGood(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		from := wall(w.now())
		e := w.lend(func(r *despatch.Registration) {
			r.Windows = []despatch.Window{{Start: from, End: from.Add(10 * time.Minute)}, {Start: from.Add(time.Hour), End: from.Add(2 * time.Hour)}}
		})
		w.accepted(alice, request(1))
		time.Sleep(30 * time.Minute)
		d, reasons := w.poll(e)
		assert.Nil(t, d)
		assert.Equal(t, despatch.Reasons{despatch.ReasonOutsideWindow: 1}, reasons)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		d, _ = w.poll(e)
		assert.NotNil(t, d)
	})
}

func TestASimulatorTakesOnlyWhatNobodyRuns(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		_, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "simulator", Kinds: testKinds, Simulated: true, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		simulated := func(s *ivoa.Session) bool { return s.Meta.Messages[len(s.Meta.Messages)-1].Kind == messageSimulated }
		assert.True(t, simulated(w.offer(alice, request(1))))
		w.lend() // somebody who runs it, with a pool of its own
		for _, o := range w.ask(alice, request(1)).Offers {
			assert.False(t, simulated(o))
		}
		assert.Equal(t, ivoa.No, w.ask(alice, request(5)).Result, "nor where it is too large for who runs it")
	})
}

func TestDespatchSaysWhatDoesNotFit(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(6))
		small, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "small", Kinds: testKinds, Schemes: []string{"http"}, Capacity: despatch.Capacity{Cores: 2, Memory: 2, Storage: 1},
		})
		require.NoError(t, err)
		other, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "other", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 8, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		for executor, want := range map[string]string{small.UUID: despatch.ReasonTooLarge, other.UUID: despatch.ReasonWrongKind} {
			u, err := identity.ParseUUID(executor)
			require.NoError(t, err)
			_, reasons, err := w.Despatch(context.Background(), builtIn, u, 0)
			require.NoError(t, err)
			assert.Equal(t, despatch.Reasons{want: 1}, reasons)
		}
	})
}

// Accepted sessions run, in their order, however late the executor polls.
func TestPromise2ALateExecutorRunsAllInOrder(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		var want, got []string
		for range 4 {
			want = append(want, w.accepted(alice, request(8)).UUID())
		}
		for range 100 {
			time.Sleep(30 * time.Second)
			w.register()
			d, _, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
			require.NoError(t, err)
			if d == nil {
				continue
			}
			got = append(got, d.Session.UUID)
			_, err = w.complete(d, completion(d, despatch.Completed))
			require.NoError(t, err)
		}
		assert.Equal(t, want, got)
	})
}

// A restart is no reason to move anything.
func TestARestartInASessionsLastMinuteDelaysNobody(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(8))
		w.takeWork()
		next := w.accepted(alice, request(8))
		time.Sleep(30 * time.Second)
		_, err := w.Report(context.Background(), builtIn, w.onlyAttempt(), despatch.Updates{Fence: 1}, 0)
		require.NoError(t, err)
		before := w.session(next).Schedule
		w.crash()
		synctest.Wait()
		assert.Equal(t, before, w.session(next).Schedule)
	})
}

func (w *world) onlyAttempt() identity.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Len(w.t, w.state.attempts, 1)
	for ref := range w.state.attempts {
		return ref
	}
	return identity.UUID{}
}

// Its work may have ended in time while the node was down.
func TestWorkThatEndedWhileTheNodeWasDownHasNotOverrun(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		d := w.takeWork()
		w.stop()
		time.Sleep(10 * time.Minute)
		w.start()
		time.Sleep(5 * time.Second)
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
	})
}

func TestWhatCannotBeChargedIsRefusedAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		_, err := w.Ask(context.Background(), identity.Caller{User: "a\x00b", Roles: alice.Roles}, request(1), nil, Asking{})
		assert.Equal(t, CodeForbidden, codeOf(err), "%v", err)
		_, _, err = w.Register(context.Background(), robot, despatch.Registration{Name: "line\nbreak", Kinds: testKinds})
		assert.Equal(t, CodeInvalid, codeOf(err), "%v", err)
	})
}

// A program that says twice that it runs has not begun anew: its time goes on.
func TestRunningAgainGivesNoMoreTime(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		var stop *despatch.Stop
		for i := range 20 {
			answer, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence, Updates: []despatch.Update{
				{Key: string(rune('a' + i)), Type: despatch.ActionStarted, Action: "run", Time: time.Now()},
			}}, 0)
			require.NoError(t, err)
			if stop = answer.Stop; stop != nil {
				break
			}
			time.Sleep(10 * time.Second)
		}
		require.NotNil(t, stop)
		assert.Equal(t, despatch.StopWalltime, stop.Reason)
	})
}
