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

// polled is the answer to a poll.
type polled struct {
	work *despatch.Despatch
	why  despatch.Reasons
	err  error
}

// pollAside lets an executor poll while the test goes on.
func (w *world) pollAside(ctx context.Context, by identity.Caller, executor identity.UUID, patience time.Duration) <-chan polled {
	answer := make(chan polled, 1)
	go func() {
		d, why, err := w.Despatch(ctx, by, executor, patience)
		answer <- polled{d, why, err}
	}()
	synctest.Wait()
	return answer
}

// Promise 9: a poll without an answer says why, of all that may come to the
// executor, whenever it is booked for.
func TestPromise9TheReasonsCountAllThatMayCome(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		vetoed := w.accepted(alice, request(2))
		d := w.takeWork()
		require.Equal(t, vetoed.UUID(), d.Session.UUID)
		_, err := w.complete(d, abandoned(d, time.Hour))
		require.NoError(t, err)
		w.accepted(alice, request(2, func(r *ivoa.ExecutionRequest) {
			from := wall(w.now()).Add(20 * time.Minute)
			r.Schedule.Requested.Start = ivoa.FormatInterval(ivoa.Interval{Start: from, End: from.Add(time.Hour)})
		}))
		w.accepted(alice, request(8))
		w.takeWork()
		w.accepted(alice, request(8)) // is to begin when that has ended

		_, why, err := w.Despatch(context.Background(), builtIn, w.executor, 0)
		require.NoError(t, err)
		assert.Equal(t, despatch.Reasons{despatch.ReasonVetoed: 1, despatch.ReasonNotYet: 2}, why)
		small, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "small", Kinds: testKinds, Schemes: []string{"http"}, Capacity: despatch.Capacity{Cores: 2, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		u, err := identity.ParseUUID(small.UUID)
		require.NoError(t, err)
		_, why, err = w.Despatch(context.Background(), builtIn, u, 0)
		require.NoError(t, err)
		assert.Equal(t, despatch.Reasons{despatch.ReasonVetoed: 1, despatch.ReasonNotYet: 1, despatch.ReasonTooLarge: 1}, why)
	})
}

// Of those that wait, only as many are woken as there is work, in their order,
// and only who can do it.
func TestWorkIsGivenToWhoHasWaitedLongestAndCanDoIt(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		small, _, err := w.Register(context.Background(), builtIn, despatch.Registration{
			Name: "small", Kinds: testKinds, Schemes: []string{"http"}, Capacity: despatch.Capacity{Cores: 2, Memory: 16, Storage: 100},
		})
		require.NoError(t, err)
		u, err := identity.ParseUUID(small.UUID)
		require.NoError(t, err)
		ctx := context.Background()
		tooSmall := w.pollAside(ctx, builtIn, u, time.Minute)
		first := w.pollAside(ctx, builtIn, w.executor, time.Minute)
		second := w.pollAside(ctx, builtIn, w.executor, 30*time.Second)
		s := w.accepted(alice, request(4))
		got := <-first
		require.NoError(t, got.err)
		assert.Equal(t, s.UUID(), got.work.Session.UUID)
		synctest.Wait()
		assert.Empty(t, second)
		assert.Empty(t, tooSmall)
		w.accepted(alice, request(1))
		assert.NotNil(t, (<-tooSmall).work)
		late := <-second
		require.NoError(t, late.err)
		assert.Nil(t, late.work)
		assert.Empty(t, late.why, "nothing is left to wait for")
	})
}

// Promise 3: who hangs up at the moment at which it is given something, or the
// node stops, takes nothing with it.
func TestPromise3WhoHangsUpWhileWaitingTakesNothingAway(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, hangUp := context.WithCancel(context.Background())
		gone := w.pollAside(ctx, builtIn, w.executor, time.Minute)
		hangUp()
		assert.ErrorIs(t, (<-gone).err, context.Canceled)
		s := w.accepted(alice, request(1))
		assert.Equal(t, s.UUID(), w.takeWork().Session.UUID)
		w.mu.Lock()
		assert.Empty(t, w.state.pools[identity.UUID{}].waiters)
		w.mu.Unlock()
		waits := w.pollAside(context.Background(), builtIn, w.executor, time.Minute)
		w.stop()
		assert.Nil(t, (<-waits).work)
	})
}

// Windows are replaced by registering again: what is booked outside of them is
// moved, or fails, and whoever it belongs to is told.
func TestBookingsFollowTheWindowsOfTheirExecutor(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := onlyLent(t)
		at := func(hours ...int) func(*despatch.Registration) {
			return func(r *despatch.Registration) {
				for _, h := range hours {
					from := time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC)
					r.Windows = append(r.Windows, despatch.Window{Start: from, End: from.Add(time.Hour)})
				}
			}
		}
		e := w.lend(at(1, 5))
		moves := w.accepted(alice, request(2))
		fails := w.accepted(bob, request(2, w.startingWithin(2*time.Hour)))
		w.lend(at(5))
		synctest.Wait()
		assert.Equal(t, []string{"the executor has less than was booked, or works at other times: the start moves to 2000-01-01T05:00:00.000Z"}, w.texts(moves))
		assert.Equal(t, ivoa.SessionFailed, w.session(fails).Phase)
		assert.Contains(t, w.lastMessage(fails), "can't begin by 2000-01-01T02:03:00.000Z any more")
		time.Sleep(5 * time.Hour)
		d, _ := w.poll(e)
		require.NotNil(t, d)
		assert.Equal(t, moves.UUID(), d.Session.UUID)
	})
}
