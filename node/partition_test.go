package node

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// Promise 6: a node without quorum offers, books, despatches and completes, and its
// records enter the log once, in order.
func TestPromise6ANodeCutOffWorksOnAndItsRecordsEnterOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 1)
		f.sites[0].accepted(bob, request(1))
		f.sites[0].run()
		f.settle()
		cut, others := f.minority()
		var here []identity.UUID
		for range 3 {
			s := cut.accepted(alice, request(1))
			here = append(here, cut.run())
			assert.Equal(t, ivoa.SessionCompleted, cut.session(s).Phase)
		}
		others[1].accepted(bob, request(1))
		others[1].run()
		assert.Positive(t, cut.raft.Status().Outbox.Depth, "its records wait")
		require.NoError(t, cut.raft.Err(), "and nothing is wrong with it")
		for _, ref := range here { // who reads there sees them, marked
			entry, err := cut.HistoryEntry(context.Background(), alice, nil, ref)
			require.NoError(t, err)
			assert.True(t, entry.Pending)
			_, err = others[0].HistoryEntry(context.Background(), auditor, nil, ref)
			assert.Equal(t, CodeNotFound, code(t, err))
		}
		entries := f.audited()
		require.Len(t, entries, 5)
		var order []string
		for _, h := range entries {
			assert.Equal(t, accounting.Completed, h.Phase)
			assert.False(t, h.Pending)
			if string(h.Node) == cut.name {
				order = append([]string{string(h.HistoryRef)}, order...) // they come newest first
			}
		}
		for i, ref := range here {
			assert.Equal(t, ref.String(), order[i])
		}
		assert.Zero(t, cut.raft.Status().Outbox.Depth)
	})
}

// Promises 4 and 6: in a minority, what a node was entrusted with of a hard limit
// can be spent, and then the answer is a NO that says all there is to say.
func TestPromise4InAMinorityAnAllowanceIsSpentAndThenTheAnswerIsNo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 2)
		f.sites[0].allocate(allocated(t, accounting.User("alice"), accounting.Hard, "12"))
		f.settle()
		for _, s := range f.sites {
			_, err := s.try(alice) // which brings the node an allowance
			require.NoError(t, err)
		}
		f.settle()
		cut, others := f.minority()
		accepted := len(f.sites)
		var err error
		for err == nil {
			if _, err = cut.try(alice); err == nil {
				accepted++
			}
		}
		assert.Greater(t, accepted, len(f.sites), "a node cut off spends what it has")
		var no *Problem
		require.ErrorAs(t, err, &no)
		t.Log(no.Detail)
		assert.Equal(t, CodeFunds, no.Code)
		for _, said := range []string{"user:alice", "0.6 EUR", "12 EUR allocated", "the record can't be asked"} {
			assert.Contains(t, no.Detail, said)
		}
		assert.Positive(t, no.RetryAfter)
		require.NotNil(t, no.Session)
		assert.True(t, says(no.Session.Meta.Messages, messageFunds, no.Detail), "promise 9")
		_, err = cut.try(bob) // who has no limit
		require.NoError(t, err)
		for err = nil; err == nil; {
			if _, err = others[0].try(alice); err == nil {
				accepted++
			}
		}
		assert.Equal(t, CodeFunds, code(t, err))
		f.audited()
		budget := f.sites[0].limit(accounting.User("alice"))
		assert.Equal(t, accounting.TotalOf(accounting.Amount(600_000*accepted)), budget.Held, "what was accepted is held, all of it")
		for err = nil; err == nil; { // healed, all of it can be spent, at any node
			if _, err = cut.try(alice); err == nil {
				accepted++
			}
		}
		f.audited()
		budget = f.sites[0].limit(accounting.User("alice"))
		left, err := budget.Left()
		require.NoError(t, err)
		assert.Equal(t, accounting.Total{}, left)
		t.Logf("%d accepted, %s entrusted", accepted, euros(budget.Entrusted))
	})
}

// Promise 2: who asks again, because a direct request was refused, isn't told that it
// was taken where it still wasn't.
func TestADirectRequestThatWasRefusedIsAcceptedWhenItComesAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 5)
		f.sites[0].allocate(allocated(t, accounting.User("alice"), accounting.Hard, "12"))
		f.settle()
		cut, _ := f.minority()
		direct := func() (*ivoa.Session, error) {
			return cut.Direct(context.Background(), alice, request(1), nil, "k", Asking{})
		}
		for range 2 {
			_, err := direct()
			require.Equal(t, CodeFunds, code(t, err), "it has no allowance, and can't get one")
		}
		f.settle()
		taken, err := direct()
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionAccepted, taken.Phase)
		again, err := direct()
		require.NoError(t, err)
		assert.Equal(t, taken.UUID(), again.UUID())
		f.audited()
	})
}

// What was offered for a direct request and never taken is over some time: then the
// request is as good as new.
func TestADirectRequestWhoseOfferHasExpiredAsksAnew(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 6)
		f.sites[0].allocate(allocated(t, accounting.User("alice"), accounting.Hard, "12"))
		f.settle()
		cut, _ := f.minority()
		_, err := cut.Direct(context.Background(), alice, request(1), nil, "k", Asking{})
		require.Equal(t, CodeFunds, code(t, err))
		time.Sleep(time.Hour)
		f.settle()
		cut.register()
		taken, err := cut.Direct(context.Background(), alice, request(1), nil, "k", Asking{})
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionAccepted, taken.Phase)
		f.audited()
	})
}

// Orders at a node without quorum: what is said of them is true, and none is lost
// or carried out twice.
func TestAnOrderWithoutQuorumIsCarriedOutOnceAndSaysSo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 3)
		ctx := context.Background()
		cut, others := f.minority()
		order := allocated(t, accounting.Proposal("p1"), accounting.Hard, "10")
		_, err := cut.Allocate(ctx, accountant, order, "k")
		var p *Problem
		require.ErrorAs(t, err, &p)
		t.Log(p.Detail)
		assert.Equal(t, CodeUnavailable, p.Code)
		assert.Contains(t, p.Detail, "the order is written")
		assert.Contains(t, p.Detail, "the same Idempotency-Key")
		_, err = cut.Allocate(ctx, accountant, order, "k") // still
		t.Log(err)
		require.Equal(t, CodeUnavailable, code(t, err))
		_, err = others[0].Allocate(ctx, accountant, order, "k") // impatient, elsewhere
		require.NoError(t, err)
		_, err = cut.Allocate(ctx, accountant, allocated(t, accounting.Proposal("p2"), accounting.Hard, "10"), "")
		require.ErrorAs(t, err, &p)
		t.Log(p.Detail)
		assert.Contains(t, p.Detail, "without an Idempotency-Key")
		f.audited()
		again, err := cut.Allocate(ctx, accountant, order, "k")
		require.NoError(t, err)
		assert.True(t, again.Duplicate)
		assert.Equal(t, "10", euros(cut.limit(accounting.Proposal("p1")).Allocated))
		assert.Equal(t, "10", euros(cut.limit(accounting.Proposal("p2")).Allocated))
	})
}

// Money is given back once, whoever gives it back where.
func TestRefundsOnBothSidesOfAPartitionGiveBackNoMoreThanWasPaid(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 4)
		ctx := context.Background()
		f.sites[0].accepted(alice, request(1))
		ref := f.sites[0].run() // 0.30 EUR
		f.settle()
		cut, others := f.minority()
		half, err := accounting.NewQuantity(accounting.Monetary, "0.2", "EUR")
		require.NoError(t, err)
		refund := accounting.Credit{Ref: accounting.Ref(ref.String()), Kind: accounting.EntryRefund, Amounts: []accounting.Quantity{half}, Reason: "clouds"}
		_, err = others[0].Credit(ctx, accountant, refund, "majority")
		require.NoError(t, err)
		_, err = cut.Credit(ctx, accountant, refund, "minority")
		require.Equal(t, CodeUnavailable, code(t, err))
		f.settle()
		_, err = cut.Credit(ctx, accountant, refund, "minority")
		t.Log(err)
		require.Equal(t, CodeConflict, code(t, err), "it is told what came of it")
		entry, err := cut.HistoryEntry(ctx, alice, nil, ref)
		require.NoError(t, err)
		require.Len(t, entry.Adjustments, 1)
		require.NoError(t, cut.raft.View(ctx, accounting.Audit))
	})
}

// Promise 6: a soft limit is overdrawn on both sides of a partition, settles when
// it is over, and then the ledger says by whom and why.
func TestASoftLimitOverdrawnByAPartitionSettlesAndSaysWhy(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newFlock(t, 3, 5)
		f.sites[0].allocate(allocated(t, accounting.User("alice"), accounting.Soft, "1.5"))
		f.settle()
		cut, others := f.minority()
		time.Sleep(time.Minute)
		for range 2 { // 1.2 EUR here and there: each knows of nothing wrong
			for _, s := range []*site{cut, others[0]} {
				assert.False(t, says(s.accepted(alice, request(1)).Meta.Messages, messageFunds, ""))
			}
		}
		d := cut.takeWork()
		c := completion(d, despatch.Completed)
		c.Resources[0].Amount = "60"
		_, err := cut.complete(d, c)
		require.NoError(t, err)
		f.audited()
		for _, s := range f.sites {
			page, _, err := s.Budgets(context.Background(), alice, nil, accounting.BudgetFilter{Owner: accounting.User("alice"), Resource: accounting.Monetary, Period: "test"}, "", 0)
			require.NoError(t, err)
			require.Len(t, page, 1)
			left, err := page[0].Left()
			require.NoError(t, err)
			assert.Equal(t, "-0.9", euros(left))
			require.NotEmpty(t, page[0].Overdrafts, s.name)
			for _, o := range page[0].Overdrafts {
				t.Log(o.Session, o.HistoryRef, o.Amount, o.Left, o.Reason)
				assert.Equal(t, accounting.NodeName(cut.name), o.Node)
				assert.Equal(t, accounting.Decimal("0.6"), o.Amount)
				assert.NotZero(t, o.Apart)
				assert.Contains(t, o.Reason, "had heard nothing from the federation since")
			}
		}
		s := others[0].accepted(alice, request(1)) // knowingly
		assert.True(t, says(s.Meta.Messages, messageFunds, "would be overdrawn"))
		f.audited()
		page, _, err := cut.Budgets(context.Background(), alice, nil, accounting.BudgetFilter{Owner: accounting.User("alice"), Resource: accounting.Monetary, Period: "test"}, "", 0)
		require.NoError(t, err)
		assert.Contains(t, page[0].Overdrafts[0].Reason+page[0].Overdrafts[1].Reason+page[0].Overdrafts[2].Reason, "the limit is a soft one")
	})
}
