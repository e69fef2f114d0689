package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
)

// Promise 4: a series is executed as often as its owner can pay for, and not
// once more; then it says who couldn't. Each execution holds 0.60 and is charged
// 0.30: of 1.30 there is enough for three.
func TestPromise4ASeriesEndsWhereTheMoneyDoes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.allocate(allocated(t, accounting.User("alice"), accounting.Hard, "1.30"))
		s := w.accepted(alice, request(1, timed(spaced("PT1H", 10))))
		for range 3 {
			w.execute(despatch.Completed)
			synctest.Wait()
		}
		end := w.session(s)
		assert.Equal(t, ivoa.SessionCompleted, end.Phase)
		assert.EqualValues(t, 3, end.Repeats.Completed)
		assert.Contains(t, w.lastMessage(s), "user:alice can't pay 0.6 EUR")
		attempts, charged, held := w.ledger(s)
		assert.Equal(t, []int{3, 3}, []int{attempts, charged})
		assert.Empty(t, held)
		assert.EqualValues(t, 8, w.freeCores())
		w.audit()
	})
}

// What has not been paid for when the node dies is paid for when it is back, and
// not twice.
func TestTheNextExecutionIsPaidForAfterACrash(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.accepted(alice, request(1, timed(spaced("PT1H", 2))))
		d := w.await()
		w.cancel() // nobody pays any more
		synctest.Wait()
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		_, _, held := w.ledger(s)
		assert.Empty(t, held)
		w.crash()
		synctest.Wait()
		for range 2 {
			_, _, held = w.ledger(s)
			assert.Equal(t, []string{"0.6"}, held)
			w.crash()
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		w.execute(despatch.Completed)
		assert.Equal(t, ivoa.SessionCompleted, w.session(s).Phase)
		w.audit()
	})
}
