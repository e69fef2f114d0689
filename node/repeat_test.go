package node

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
)

func timed(timing ivoa.Timing) func(*ivoa.ExecutionRequest) {
	return func(r *ivoa.ExecutionRequest) { r.Schedule.Timing = timing }
}

func monitor(period, window string, maximum int64) *ivoa.MonitorTiming {
	m := &ivoa.MonitorTiming{Period: period, Window: window}
	m.Kind = ivoa.KindMonitorTiming
	if maximum > 0 {
		m.Maximum = &maximum
	}
	return m
}

func spaced(interval string, maximum int64) *ivoa.MinimumIntervalTiming {
	m := &ivoa.MinimumIntervalTiming{Interval: interval, Maximum: &maximum}
	m.Kind = ivoa.KindMinimumIntervalTiming
	return m
}

// execute waits for a session's next execution and completes it.
func (w *world) execute(outcome despatch.Outcome) *despatch.Despatch {
	w.t.Helper()
	d := w.await()
	_, err := w.complete(d, completion(d, outcome))
	require.NoError(w.t, err)
	return d
}

// await sleeps until a session is due, however long that is, and takes it.
func (w *world) await() *despatch.Despatch {
	w.t.Helper()
	w.mu.Lock()
	next := int64(math.MaxInt64)
	for _, s := range w.state.live {
		if despatchable(s) {
			next = min(next, s.Plan.Start)
		}
	}
	w.mu.Unlock()
	require.NotEqual(w.t, int64(math.MaxInt64), next, "nothing waits to be despatched")
	time.Sleep(time.Duration(next-w.now()) * time.Millisecond)
	w.register()
	return w.takeWork()
}

// starts is when the next execution is to start.
func (w *world) starts(s *ivoa.Session) time.Time {
	w.t.Helper()
	span, err := ivoa.ParseInterval(w.session(s).Schedule.Available.Start)
	require.NoError(w.t, err)
	return span.Start.UTC()
}

// ledger counts a session's attempts, those that were charged, and what is held.
func (w *world) ledger(s *ivoa.Session) (attempts, charged int, held []string) {
	w.t.Helper()
	page, _, err := w.History(context.Background(), alice, nil, accounting.HistoryFilter{Session: accounting.SessionID(s.UUID())}, "", 100)
	require.NoError(w.t, err)
	for _, h := range page {
		attempts++
		if len(h.Charges) > 0 {
			charged++
		}
	}
	accounts, _, err := w.Accounts(context.Background(), alice, nil, accounting.AccountFilter{Side: accounting.Held}, "", 100)
	require.NoError(w.t, err)
	for _, a := range accounts {
		if a.Balance != "0" && a.Resource == accounting.Monetary {
			held = append(held, string(a.Balance))
		}
	}
	return attempts, charged, held
}

// Promises 2 and 3: each execution has one record and one charge, and what is
// still to come survives a crash.
func TestAMonitorIsExecutedInEachOfItsWindows(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		first := wall(w.now()).Truncate(time.Hour).Add(time.Hour)
		s := w.accepted(alice, request(2, timed(monitor("PT1H", "PT10M", 3)), func(r *ivoa.ExecutionRequest) {
			r.Schedule.Requested.Start = ivoa.FormatInstant(first) + "/P1D"
		}))
		assert.Equal(t, first, w.starts(s))
		for n := range 3 {
			window := first.Add(time.Duration(n) * time.Hour)
			r := w.session(s).Repeats
			require.NotNil(t, r)
			assert.EqualValues(t, []int64{int64(n + 1), int64(n), 3}, []int64{r.Execution, r.Completed, *r.Most})
			assert.Equal(t, ivoa.FormatInterval(ivoa.Interval{Start: window, End: window.Add(10 * time.Minute)}), r.Window)
			assert.Equal(t, window, w.starts(s))
			_, _, held := w.ledger(s)
			assert.Equal(t, []string{"1.2"}, held, "two cores for a minute, of one execution")
			w.crash()
			d := w.await()
			assert.Equal(t, window, wall(w.now()))
			assert.Equal(t, n+1, d.Attempt)
			w.crash()
			w.register()
			_, err := w.complete(d, completion(d, despatch.Completed))
			require.NoError(t, err)
			synctest.Wait()
			if n < 2 {
				assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase)
				assert.Equal(t, fmt.Sprintf("execution %d of 3 completed; next at %s", n+1, ivoa.FormatInstant(window.Add(time.Hour))), w.lastMessage(s))
			}
		}
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		assert.Equal(t, "execution 3 of 3 completed; it was the last", w.lastMessage(s))
		attempts, charged, held := w.ledger(s)
		assert.Equal(t, []int{3, 3}, []int{attempts, charged})
		assert.Empty(t, held)
		statement, err := w.Statement(context.Background(), alice, nil, accounting.StatementFilter{}, "", 10)
		require.NoError(t, err)
		for _, l := range statement.Totals {
			if l.Resource == accounting.Monetary {
				assert.EqualValues(t, []accounting.Decimal{"3.6", "", "0.9"}, []accounting.Decimal{l.Estimated, l.Held, l.Charged}, "estimated three times, charged three times")
			}
		}
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

func TestAnIntervalIsKeptBetweenExecutions(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(spaced("PT2H", 2))))
		w.execute(despatch.Completed)
		ended := wall(w.now())
		assert.Equal(t, ended.Add(2*time.Hour), w.starts(s))
		w.execute(despatch.Completed)
		assert.Equal(t, ended.Add(2*time.Hour), wall(w.now()))
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		w.audit()
	})
}

// A program that fails once an hour fails once an hour; each time it is tried
// again within its window only.
func TestAnExecutionThatFailsIsFollowedByTheNext(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(monitor("PT1H", "PT10M", 4))))
		for range 3 {
			d := w.await()
			_, err := w.complete(d, abandoned(d, time.Minute))
			require.NoError(t, err)
		}
		assert.Contains(t, w.lastMessage(s), "execution 1 of 4 failed; next at ")
		d := w.await()
		_, err := w.complete(d, abandoned(d, 20*time.Minute))
		require.NoError(t, err)
		assert.Contains(t, w.texts(s)[len(w.texts(s))-2], "execution 2 of 4 failed; next at ", "there is no other try in this window")
		w.execute(despatch.Completed)
		w.execute(despatch.Failed)
		last := w.session(s)
		assert.Equal(t, ivoa.SessionCompleted, last.Phase, "one of them was")
		assert.EqualValues(t, []int64{1, 3, 0}, []int64{last.Repeats.Completed, last.Repeats.Failed, last.Repeats.Missed})
		attempts, charged, held := w.ledger(s)
		assert.Equal(t, []int{6, 6}, []int{attempts, charged})
		assert.Empty(t, held)
		w.audit()
	})
}

func TestASeriesOfFailuresHasFailed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(spaced("PT1M", 2))))
		w.execute(despatch.Failed)
		assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase)
		w.execute(despatch.Failed)
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
	})
}

// Nobody came for it, in two windows of four.
func TestAMissedWindowIsTold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(monitor("PT1H", "PT10M", 0)), w.startingWithin(4*time.Hour-time.Minute)))
		w.execute(despatch.Completed)
		time.Sleep(2*time.Hour + 30*time.Minute)
		synctest.Wait()
		assert.Contains(t, w.lastMessage(s), "no execution could begin in ")
		now := w.session(s)
		assert.EqualValues(t, []int64{2, 1, 2}, []int64{now.Repeats.Execution, now.Repeats.Completed, now.Repeats.Missed})
		w.execute(despatch.Completed)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		attempts, charged, held := w.ledger(s)
		assert.Equal(t, []int{2, 2}, []int{attempts, charged})
		assert.Empty(t, held, "what was held for a window that was missed is given back")
		w.audit()
	})
}

func TestASeriesOfWhichNothingBeganHasFailed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(monitor("PT1H", "PT10M", 0)), w.startingWithin(2*time.Hour)))
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		assert.Contains(t, w.lastMessage(s), "no window is left")
		_, _, held := w.ledger(s)
		assert.Empty(t, held)
		assert.EqualValues(t, 8, w.freeCores())
	})
}

// The node was down for a day: what has passed is told, and the next window
// is taken.
func TestWindowsThatPassedWhileTheNodeWasDown(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(monitor("PT1H", "PT10M", 5))))
		w.execute(despatch.Completed)
		w.stop()
		time.Sleep(24*time.Hour + 30*time.Minute)
		w.start()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 24, w.session(s).Repeats.Missed)
		assert.Contains(t, w.lastMessage(s), "windows without an execution: 24; next at ")
		for range 4 {
			w.execute(despatch.Completed)
		}
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
	})
}

func TestCancelEndsASeries(t *testing.T) {
	for name, during := range map[string]bool{"between": false, "during": true} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.accepted(alice, request(1, timed(spaced("PT1M", 9))))
				w.execute(despatch.Completed)
				var d *despatch.Despatch
				if during {
					d = w.await()
				}
				_, err := w.update(alice, s, ivoa.SessionCancelled)
				require.NoError(t, err)
				if during {
					_, err = w.complete(d, completion(d, despatch.Abandoned))
					require.NoError(t, err)
				}
				time.Sleep(time.Hour)
				w.register()
				none, _, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
				require.NoError(t, err)
				assert.Nil(t, none)
				assert.Equal(t, ivoa.SessionCancelled, w.session(s).Phase)
				_, _, held := w.ledger(s)
				assert.Empty(t, held)
				assert.EqualValues(t, 8, w.freeCores())
				w.audit()
			})
		})
	}
}

// A pool that is taken when a window comes: the next one is booked instead.
func TestAFullPoolCostsAWindow(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(8, timed(monitor("PT1H", "PT10M", 2))))
		d := w.await()
		other := w.accepted(bob, request(8, func(r *ivoa.ExecutionRequest) {
			from := wall(w.now()).Add(50 * time.Minute)
			r.Schedule.Requested.Start = ivoa.FormatInstant(from) + "/PT1M"
			r.Schedule.Requested.Duration = "PT30M"
		}))
		began := wall(w.now())
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, began.Add(2*time.Hour), w.starts(s))
		assert.Contains(t, w.lastMessage(s), "execution 1 of 2 completed; windows without an execution: 1; next at ")
		assert.Equal(t, other.UUID(), w.await().Session.UUID)
	})
}

func TestAFixedTimingIsKeptOrRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		at := wall(w.now()).Add(time.Hour)
		fixed := func(slack string) *ivoa.FixedTiming {
			f := &ivoa.FixedTiming{At: ivoa.At(at), Slack: slack}
			f.Kind = ivoa.KindFixedTiming
			return f
		}
		s := w.accepted(alice, request(8, timed(fixed(""))))
		assert.Equal(t, at, w.starts(s))
		assert.Nil(t, s.Repeats)
		no := w.ask(bob, request(8, timed(fixed("PT30S"))))
		assert.Equal(t, ivoa.No, no.Result)
		text := no.Meta.Messages[len(no.Meta.Messages)-1].Text
		assert.Contains(t, text, "the earliest possible is ", "promise 9")
		w.execute(despatch.Completed)
		assert.Equal(t, at, wall(w.now()))
		late := w.accepted(alice, request(1, func(r *ivoa.ExecutionRequest) {
			at = at.Add(time.Hour)
			r.Schedule.Timing = fixed("PT1M")
		}))
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(late).Phase, "nobody came for it in time")
	})
}

func TestAnEphemerisIsOfferedAtItsPhase(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		now := wall(w.now())
		phase, width := 0.5, 0.1
		e := &ivoa.EphemerisTiming{Epoch: ivoa.At(now.Add(-100 * 10 * time.Hour)), Cycle: "PT10H", Phase: &phase, Window: &width}
		e.Kind = ivoa.KindEphemerisTiming
		s := w.accepted(alice, request(1, timed(e)))
		assert.Equal(t, now.Add(4*time.Hour+30*time.Minute), w.starts(s))
		assert.Equal(t, e, s.Repeats.Timing)
		w.execute(despatch.Completed)
		assert.Equal(t, now.Add(14*time.Hour+30*time.Minute), w.starts(s))
		_, err := w.update(alice, s, ivoa.SessionCancelled)
		require.NoError(t, err)
	})
}

// An offer of a series says what its costs are of.
func TestAnOfferOfASeriesTellsWhatItCosts(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(2, timed(monitor("PT1H", "PT10M", 5))))
		message := s.Meta.Messages[len(s.Meta.Messages)-1]
		assert.Equal(t, messageRepeats, message.Kind)
		assert.Contains(t, message.Text, "at most 5 executions, 6.00 EUR for all")
		s = w.offer(alice, request(2, timed(monitor("PT1H", "PT10M", 0))))
		assert.NotContains(t, s.Meta.Messages[len(s.Meta.Messages)-1].Text, "at most")
	})
}

// A long series doesn't grow: its trail and its messages are bounded.
func TestALongSeriesStaysSmall(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(spaced("PT1S", 110))))
		for range 110 {
			w.execute(despatch.Completed)
		}
		stored, err := w.stored(alice, toRead, id(t, s))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, stored.Phase)
		assert.LessOrEqual(t, len(stored.Trail), maxSteps)
		assert.LessOrEqual(t, len(stored.Messages), maxMessages)
		assert.Equal(t, "execution 110 of 110 completed; it was the last", w.lastMessage(s))
		assert.Equal(t, messageOffer, stored.Messages[0].Kind)
	})
}

func TestASmallPriceIsNotSaidToBeNothing(t *testing.T) {
	assert.Equal(t, "6.00", priceOf(6))
	assert.Equal(t, "0.01", priceOf(0.012))
	assert.Equal(t, "0.000093", priceOf(0.000093))
}
