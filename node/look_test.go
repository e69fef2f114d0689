package node

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
)

// cutOff is the log of a node that reaches no majority: nothing gets into it, and
// who waits for that waits for long.
type cutOff struct{ *consensus.Local }

func (c cutOff) Strong(ctx context.Context) error { return consensus.ErrNotLeader }

func (c cutOff) Status() consensus.Status {
	s := c.Local.Status()
	s.Role, s.Leader, s.AgeSeconds = "candidate", "", 90
	return s
}

// cut cuts the world's node off from the federation, and mends that.
func (w *world) cut(alone bool) {
	w.stop()
	w.alone = alone
	w.start()
	w.register()
}

// Promise 6: a node that is cut off shows its own work, at once and marked, and as
// soon as it isn't any more, unmarked and the same.
func TestPromise6ANodeThatIsCutOffShowsItsOwnWork(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.accepted(alice, request(1))
		d := w.takeWork()
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		require.NoError(t, w.log.Barrier(context.Background()))
		w.cut(true)
		second := w.accepted(alice, request(1))
		d = w.takeWork()
		_, err = w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)

		began := w.now()
		var how Look
		page, _, err := w.History(context.Background(), alice, &how, accounting.HistoryFilter{}, "", 10)
		require.NoError(t, err)
		require.Len(t, page, 2)
		assert.EqualValues(t, second.UUID(), page[0].Session)
		assert.Equal(t, accounting.Completed, page[0].Phase)
		assert.True(t, page[0].Pending)
		assert.EqualValues(t, first.UUID(), page[1].Session)
		assert.False(t, page[1].Pending)
		assert.Positive(t, how.Pending)
		assert.Zero(t, how.Omitted)
		assert.EqualValues(t, 90, how.Age.Seconds())
		entry, err := w.HistoryEntry(context.Background(), alice, nil, ref(t, d))
		require.NoError(t, err)
		assert.True(t, entry.Pending)
		statement, err := w.Statement(context.Background(), alice, nil, accounting.StatementFilter{}, "", 10)
		require.NoError(t, err)
		assert.Len(t, statement.Sessions, 2)
		w.audit()
		assert.Equal(t, began, w.now(), "nobody has waited for a leader that isn't there")

		applied, age := how.Applied, how.Age
		w.cut(false)
		for _, strong := range []bool{false, true} {
			how = Look{Strong: strong}
			after, err := w.HistoryEntry(context.Background(), alice, &how, ref(t, d))
			require.NoError(t, err)
			if after.Pending { // the disk was slow
				require.False(t, strong)
				continue
			}
			assert.Greater(t, how.Applied, applied)
			assert.Less(t, how.Age, age)
			assert.Zero(t, how.Pending)
			entry.Pending = false
			assert.Equal(t, entry, after)
		}
	})
}

// A strong read says that it can't be had, and shows nothing that may be refused.
func TestAStrongReadIsRefusedWithoutAMajority(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		w.cut(true)
		for range 2 { // without and with records that wait
			_, _, err := w.History(context.Background(), alice, &Look{Strong: true}, accounting.HistoryFilter{}, "", 10)
			var p *Problem
			require.ErrorAs(t, err, &p)
			assert.Equal(t, CodeUnavailable, p.Code)
			assert.Positive(t, p.RetryAfter)
			assert.Contains(t, p.Detail, "majority")
			w.accepted(alice, request(1))
		}
	})
}

// What waits in the outbox may be refused: it can be read, but nothing is decided
// on the strength of it.
func TestMoneyThatIsPendingCantBeSpent(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		alices := accounting.User("alice")
		w.allocate(allocated(t, alices, accounting.Hard, "0.6"))
		w.cut(true)
		_, err := w.Allocate(context.Background(), operator, allocated(t, alices, accounting.Hard, "10"), "")
		var p *Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, CodeUnavailable, p.Code)
		b := w.budget(alices)
		assert.Equal(t, "10.6", euros(b.Allocated))
		assert.True(t, b.Pending)

		set := w.ask(alice, request(4))
		assert.Equal(t, ivoa.No, set.Result)
		assert.True(t, says(set.Meta.Messages, messageFunds, "of 0.6 EUR allocated"), "%v", set.Meta.Messages)
		w.cut(false)
		require.NoError(t, w.log.Barrier(context.Background()))
		w.accepted(alice, request(4))
		assert.False(t, w.budget(alices).Pending)
	})
}
