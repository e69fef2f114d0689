package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

func conflictOf(t *testing.T, err error) *Problem {
	t.Helper()
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, CodeConflict, p.Code, p.Detail)
	return p
}

func codeOf(err error) Code {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func TestASessionRunsFromOfferToStatement(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		offered := w.offer(alice, request(2))
		assert.Equal(t, ivoa.SessionOffered, offered.Phase)
		assert.Equal(t, "test", offered.Meta.Messages[0].Values["site"])
		assert.False(t, offered.Expires.IsZero())

		s, err := w.update(alice, offered, ivoa.SessionAccepted)
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionAccepted, s.Phase)
		assert.True(t, s.Expires.IsZero(), "expires is only of offers")
		assert.EqualValues(t, 6, w.freeCores())

		d := w.takeWork()
		assert.Equal(t, offered.UUID(), d.Session.UUID)
		assert.Equal(t, ivoa.SessionWaiting, w.session(s).Phase)
		_, err = w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionRunning, w.session(s).Phase)
		time.Sleep(15 * time.Second)
		_, err = w.report(d, despatch.ActionCompleted, "run")
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionReleasing, w.session(s).Phase)
		answer, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, accounting.Completed, answer.Phase)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())

		statement, err := w.Statement(context.Background(), alice, nil, accounting.StatementFilter{}, "", 10)
		require.NoError(t, err)
		require.Len(t, statement.Sessions, 1)
		w.audit()
	})
}

// Every phase is seen, in order, by who watches from the start and by who asks
// afterwards; RUNNING included, though nobody reported it.
func TestALateReportImpliesTheEarlierPhases(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		events, err := w.Events(context.Background(), alice, id(t, s), 0)
		require.NoError(t, err)
		d := w.takeWork()
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		want := []ivoa.SessionPhase{
			ivoa.SessionOffered, ivoa.SessionAccepted, ivoa.SessionWaiting, ivoa.SessionPreparing, ivoa.SessionAvailable,
			ivoa.SessionRunning, ivoa.SessionReleasing, ivoa.SessionCompleted,
		}
		var watched, replayed []ivoa.SessionPhase
		for e := range events {
			watched = append(watched, e.Phase)
		}
		again, err := w.Events(context.Background(), alice, id(t, s), 0)
		require.NoError(t, err)
		for e := range again {
			replayed = append(replayed, e.Phase)
		}
		assert.Equal(t, want, watched)
		assert.Equal(t, want, replayed)
	})
}

// Promise 2: an offer is never accepted after it expired.
func TestPromise2AcceptAfterExpiryIsRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(8))
		require.EqualValues(t, 0, w.freeCores())
		time.Sleep(w.options.Offers.HoldTime)
		_, err := w.update(alice, s, ivoa.SessionAccepted)
		p := conflictOf(t, err)
		assert.Equal(t, ivoa.SessionExpired, p.Session.Phase)
		synctest.Wait()
		assert.EqualValues(t, 8, w.freeCores())
	})
}

// Promise 2: an offer is never accepted twice, but for the same key.
func TestPromise2AcceptTwiceIsRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(1))
		_, err := w.Update(context.Background(), alice, id(t, s), ivoa.SetPhase(ivoa.SessionAccepted), "k1")
		require.NoError(t, err)
		_, err = w.Update(context.Background(), alice, id(t, s), ivoa.SetPhase(ivoa.SessionAccepted), "k1")
		require.NoError(t, err, "the same key again is the same answer")
		_, err = w.Update(context.Background(), alice, id(t, s), ivoa.SetPhase(ivoa.SessionAccepted), "k2")
		conflictOf(t, err)
	})
}

func TestSiblingsAreRejectedWithTheAccept(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(6)) // so that the larger offer comes later
		set := w.ask(alice, request(1, func(r *ivoa.ExecutionRequest) {
			r.Compute.(*ivoa.SimpleComputeResource).Cores = &ivoa.Range{Min: ptr(int64(1)), Max: ptr(int64(8))}
		}))
		require.Greater(t, len(set.Offers), 1)
		_, err := w.update(alice, set.Offers[1], ivoa.SessionAccepted)
		require.NoError(t, err)
		for i, o := range set.Offers {
			want := ivoa.SessionRejected
			if i == 1 {
				want = ivoa.SessionAccepted
			}
			assert.Equal(t, want, w.session(o).Phase)
		}
	})
}

func ptr[T any](v T) *T { return &v }

func TestIllegalUpdatesAreConflictsWithTheSession(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.offer(alice, request(1))
		_, err := w.update(alice, s, ivoa.SessionCancelled)
		p := conflictOf(t, err)
		require.NotNil(t, p.Session)
		assert.Equal(t, ivoa.SessionOffered, p.Session.Phase)
		_, err = w.update(alice, s, ivoa.SessionRejected)
		require.NoError(t, err)
		_, err = w.update(alice, s, ivoa.SessionAccepted)
		conflictOf(t, err)
		assert.EqualValues(t, 8, w.freeCores())
	})
}

func TestUpdatesOfAnythingElseAreInvalid(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := id(t, w.offer(alice, request(1)))
		for _, u := range []ivoa.Update{
			&ivoa.EnumValueUpdate{Target: ivoa.Target{Path: "/phase"}, Value: "RUNNING"},
			&ivoa.EnumValueUpdate{Target: ivoa.Target{Path: "/expires"}, Value: "ACCEPTED"},
			&ivoa.IntegerValueUpdate{Target: ivoa.Target{Path: "/phase"}, Value: 1},
			&ivoa.IntegerDeltaUpdate{Target: ivoa.Target{Path: "/phase"}, Delta: 1},
			&ivoa.UnknownUpdate{Target: ivoa.Target{Path: "/phase"}},
		} {
			_, err := w.Update(context.Background(), alice, s, u, "")
			assert.Equal(t, CodeInvalid, codeOf(err), "%#v", u)
		}
		// As the reference's clients write it.
		_, err := w.Update(context.Background(), alice, s, &ivoa.StringValueUpdate{Target: ivoa.Target{Path: "phase"}, Value: "ACCEPTED"}, "")
		assert.NoError(t, err)
	})
}

// Promise 7: a cancelled session's work is told to stop at once, and its
// resources are released when it has, once.
func TestPromise7CancelStopsTheWorkAndFreesItOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(4))
		d := w.takeWork()
		_, err := w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)

		stopped := make(chan despatch.UpdatesAnswer, 1)
		go func() {
			answer, err := w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence}, 20*time.Second)
			assert.NoError(t, err)
			stopped <- answer
		}()
		synctest.Wait()
		began := time.Now()
		_, err = w.update(alice, s, ivoa.SessionCancelled)
		require.NoError(t, err)
		answer := <-stopped
		require.NotNil(t, answer.Stop)
		assert.Equal(t, despatch.StopCancelled, answer.Stop.Reason)
		assert.Less(t, time.Since(began), 2*time.Second)
		assert.EqualValues(t, 4, w.freeCores(), "it has not stopped yet")

		_, err = w.complete(d, completion(d, despatch.Abandoned))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCancelled, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
		answer2, err := w.complete(d, completion(d, despatch.Abandoned))
		require.NoError(t, err)
		assert.True(t, answer2.Duplicate)
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

func TestCancelBeforeDespatchFreesAtOnceAndChargesNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(4))
		_, err := w.update(alice, s, ivoa.SessionCancelled)
		require.NoError(t, err)
		assert.EqualValues(t, 8, w.freeCores())
		d, _, err := w.Despatch(context.Background(), builtIn, w.executor, time.Second)
		require.NoError(t, err)
		assert.Nil(t, d)
		statement, err := w.Statement(context.Background(), alice, nil, accounting.StatementFilter{}, "", 10)
		require.NoError(t, err)
		for _, line := range statement.Totals {
			assert.Empty(t, line.Charged, "%v", line)
		}
		w.audit()
	})
}

// Promise 7: overrun work is told to stop, and its session has failed.
func TestPromise7OverrunIsStopped(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(4))
		d := w.takeWork()
		_, err := w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		var answer despatch.UpdatesAnswer
		for range 10 {
			answer, err = w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence}, 20*time.Second)
			require.NoError(t, err)
			if answer.Stop != nil {
				break
			}
		}
		require.NotNil(t, answer.Stop)
		assert.Equal(t, despatch.StopWalltime, answer.Stop.Reason)
		time.Sleep(30 * time.Second) // it is slow to stop; nobody else gets its cores
		_, err = w.Report(context.Background(), builtIn, ref(t, d), despatch.Updates{Fence: d.Fence}, 0)
		require.NoError(t, err)
		assert.EqualValues(t, 4, w.freeCores())
		_, err = w.complete(d, completion(d, despatch.Failed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
	})
}

// Promise 3: the same completion again is a duplicate, another is a conflict,
// and both change nothing.
func TestPromise3OneCompletionOneCharge(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		before := w.charged(alice)
		for range 3 {
			answer, err := w.complete(d, completion(d, despatch.Completed))
			require.NoError(t, err)
			assert.True(t, answer.Duplicate)
			assert.Equal(t, accounting.Ref(d.HistoryRef), answer.HistoryRef)
		}
		other := completion(d, despatch.Failed)
		_, err = w.complete(d, other)
		conflictOf(t, err)
		assert.Equal(t, before, w.charged(alice))
		assert.NotEmpty(t, before)
		w.audit()
	})
}

func (w *world) charged(caller identity.Caller) []accounting.Account {
	w.t.Helper()
	accounts, _, err := w.Accounts(context.Background(), caller, nil, accounting.AccountFilter{Side: accounting.Charged}, "", 100)
	require.NoError(w.t, err)
	return accounts
}

// Promise 3: an update again is a duplicate.
func TestPromise3UpdatesAreTakenOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		first, err := w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		assert.Equal(t, 1, first.Accepted)
		w.crash()
		again, err := w.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		assert.Equal(t, 0, again.Accepted)
		assert.Equal(t, 1, again.Duplicates)
	})
}

func TestALostLeaseDespatchesAgainAndFencesTheOldHolder(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		old := w.takeWork()
		_, err := w.report(old, despatch.ActionStarted, "run")
		require.NoError(t, err)
		time.Sleep(w.options.Sessions.Lease + time.Second)
		fresh := w.takeWork()
		assert.Equal(t, old.Session, fresh.Session)
		assert.Greater(t, fresh.Fence, old.Fence)
		assert.NotEqual(t, old.HistoryRef, fresh.HistoryRef)
		_, err = w.report(old, despatch.ActionCompleted, "run")
		conflictOf(t, err)
		_, err = w.complete(old, completion(old, despatch.Completed))
		conflictOf(t, err)
		stolen := completion(fresh, despatch.Completed)
		stolen.Fence = old.Fence
		_, err = w.complete(fresh, stolen)
		conflictOf(t, err)

		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, old))
		require.NoError(t, err)
		assert.Equal(t, accounting.Stalled, entry.Phase)
		assert.NotEmpty(t, entry.Notes, "what came too late is kept as a note")

		_, err = w.complete(fresh, completion(fresh, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		w.audit()
	})
}

func TestASessionThatIsLostTooOftenHasFailed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1))
		for range w.options.Sessions.Attempts {
			w.takeWork()
			time.Sleep(w.options.Sessions.Lease + time.Second)
		}
		synctest.Wait()
		assert.Equal(t, ivoa.SessionFailed, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

func TestAnAbandonedAttemptIsTriedAgainAfterItsVeto(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.accepted(alice, request(1))
		d := w.takeWork()
		c := completion(d, despatch.Abandoned)
		c.Failure = &despatch.Failure{Code: 660, Message: "cloud", Retry: true, VetoSeconds: 3600}
		_, err := w.complete(d, c)
		require.NoError(t, err)
		began := time.Now()
		for {
			again, _, err := w.Despatch(context.Background(), builtIn, w.executor, 60*time.Second)
			require.NoError(t, err)
			if again != nil {
				assert.Equal(t, 2, again.Attempt)
				break
			}
			w.register()
		}
		assert.GreaterOrEqual(t, time.Since(began), time.Hour-time.Second)
	})
}

// Promise 8: nobody sees, changes or drives what is not theirs.
func TestPromise8StrangersFindNothing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		ctx := context.Background()
		set := w.ask(alice, request(1))
		setID, err := identity.ParseUUID(set.UUID())
		require.NoError(t, err)
		s := set.Offers[0]
		_, err = w.Session(ctx, bob, id(t, s))
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.OfferSet(ctx, bob, setID)
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.update(bob, s, ivoa.SessionAccepted)
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.update(auditor, s, ivoa.SessionAccepted)
		assert.Equal(t, CodeForbidden, codeOf(err), "an auditor sees it, but changes nothing")
		_, err = w.update(alice, s, ivoa.SessionAccepted)
		require.NoError(t, err)
		_, err = w.Events(ctx, bob, id(t, s), 0)
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.Files(ctx, bob, id(t, s))
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, _, err = w.OpenOutput(ctx, bob, id(t, s), despatch.RoleStdout)
		assert.Equal(t, CodeNotFound, codeOf(err))
		list, err := w.Sessions(ctx, bob, SessionFilter{}, "", 10)
		require.NoError(t, err)
		assert.Empty(t, list.Sessions)
		_, err = w.Sessions(ctx, bob, SessionFilter{Owner: "alice"}, "", 10)
		assert.Equal(t, CodeForbidden, codeOf(err))

		_, _, err = w.Despatch(ctx, thief, w.executor, 0)
		assert.Equal(t, CodeNotFound, codeOf(err), "another executor's poll")
		d := w.takeWork()
		_, err = w.Report(ctx, thief, ref(t, d), despatch.Updates{Fence: d.Fence}, 0)
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.Complete(ctx, thief, ref(t, d), completion(d, despatch.Completed))
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		_, err = w.Complete(ctx, thief, ref(t, d), completion(d, despatch.Completed))
		assert.Equal(t, CodeNotFound, codeOf(err), "also when it has ended")
		_, err = w.HistoryEntry(ctx, bob, nil, ref(t, d))
		assert.Equal(t, CodeNotFound, codeOf(err))
		assert.Empty(t, w.charged(bob))
		_, err = w.Statement(ctx, bob, nil, accounting.StatementFilter{Owner: accounting.User("alice")}, "", 10)
		assert.Equal(t, CodeNotFound, codeOf(err))
		_, err = w.HistoryEntry(ctx, auditor, nil, ref(t, d))
		assert.NoError(t, err)
	})
}

// What ended a session may not be durable yet when the next update comes; what
// is stored then is behind, and must not be acted upon.
func TestAnEndThatIsNotYetDurableIsAnEnd(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(2))
		d := w.takeWork()
		var command accounting.CompleteAttempt
		w.mu.Lock()
		a := w.state.attempts[ref(t, d)]
		command, err := recordCompletion(a.ref, completion(d, despatch.Completed), w.now())
		require.NoError(t, err)
		w.conclude(a, completion(d, despatch.Completed), command, nil)
		_, _, err = w.decide(alice, id(t, s), ivoa.SessionCancelled, funds{}, acceptance{})
		w.mu.Unlock()
		conflictOf(t, err)
		answer, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.True(t, answer.Duplicate, "a repetition that overtakes the first's commit is a duplicate")
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		assert.EqualValues(t, 8, w.freeCores())
	})
}

func TestADirectRequestWithTheSameKeyMakesOneSession(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		made := make(chan string, 8)
		for range cap(made) {
			go func() {
				s, err := w.Direct(context.Background(), alice, request(1), nil, "key", Asking{})
				if assert.NoError(t, err) {
					made <- s.UUID()
				}
			}()
		}
		first := <-made
		for range cap(made) - 1 {
			assert.Equal(t, first, <-made)
		}
		_, err := w.Direct(context.Background(), alice, request(100), nil, "other", Asking{})
		var p *Problem
		require.ErrorAs(t, err, &p)
		assert.Equal(t, CodeRefused, p.Code)
		require.NotNil(t, p.Offers)
		assert.NotEmpty(t, p.Offers.Meta.Messages)
	})
}

// An idempotency key is remembered for a day, and not for ever.
func TestIdempotencyKeysAreForgottenAfterADay(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		direct := func() string {
			s, err := w.Direct(context.Background(), alice, request(1), nil, "key", Asking{})
			require.NoError(t, err)
			return s.UUID()
		}
		first := direct()
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		assert.Equal(t, first, direct())
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.register()
		assert.NotEqual(t, first, direct())
	})
}
