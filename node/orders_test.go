package node

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/federation/identity"
)

var accountant = identity.Caller{User: "ada", Roles: []identity.Role{identity.RoleAccountant}}

// allocated is an order for so many euros for an owner, from last year on and
// for ten years.
func allocated(t testing.TB, owner accounting.Owner, limit accounting.Limit, amount string) accounting.Allocate {
	t.Helper()
	q, err := accounting.NewQuantity(accounting.Monetary, amount, "EUR")
	require.NoError(t, err)
	return accounting.Allocate{
		Owner: owner, Period: "test", Limit: limit, Amount: q, Reason: "a test",
		Start: accounting.At(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), End: accounting.At(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
}

func (w *world) allocate(order accounting.Allocate) AllocationAnswer {
	w.t.Helper()
	answer, err := w.Allocate(context.Background(), accountant, order, "")
	require.NoError(w.t, err)
	return answer
}

func code(t testing.TB, err error) Code {
	t.Helper()
	var p *Problem
	require.ErrorAs(t, err, &p)
	return p.Code
}

func TestMoneyIsForOperatorsAndAccountants(t *testing.T) {
	w := newWorld(t)
	for _, caller := range []identity.Caller{alice, auditor, robot, {}} {
		_, err := w.Allocate(context.Background(), caller, allocated(t, accounting.User("alice"), accounting.Soft, "1"), "")
		assert.Equal(t, CodeForbidden, code(t, err))
		_, err = w.Correct(context.Background(), caller, accounting.Correct{}, "")
		assert.Equal(t, CodeForbidden, code(t, err))
		_, err = w.Credit(context.Background(), caller, accounting.Credit{}, "")
		assert.Equal(t, CodeForbidden, code(t, err))
		_, err = w.Enrol(context.Background(), caller, accounting.EnrolOwner{})
		assert.Equal(t, CodeForbidden, code(t, err))
	}
}

// Promise 8: who may speak for the federation's nodes is for operators to say.
func TestPromise8OnlyOperatorsRevokeCertificates(t *testing.T) {
	w := newWorld(t)
	order := accounting.RevokeCertificate{Fingerprint: accounting.Fingerprint(strings.Repeat("ab", 32)), Node: "b", By: "somebody else"}
	for _, caller := range []identity.Caller{alice, auditor, accountant, robot, {}} {
		assert.Equal(t, CodeForbidden, code(t, w.Revoke(context.Background(), caller, order)))
	}
	require.NoError(t, w.Revoke(context.Background(), operator, order))
	require.NoError(t, w.options.Record.View(context.Background(), func(view accounting.View) error {
		list, err := accounting.Revocations(view)
		require.Len(t, list, 1)
		assert.Equal(t, accounting.OwnerID("oscar"), list[0].By)
		return err
	}))
}

func TestAnAllocationIsMadeOnceForItsKey(t *testing.T) {
	w := newWorld(t)
	order := allocated(t, accounting.Proposal("p1"), accounting.Hard, "10")
	ctx := context.Background()
	first, err := w.Allocate(ctx, operator, order, "k")
	require.NoError(t, err)
	assert.False(t, first.Duplicate)
	assert.Equal(t, accounting.OwnerID("oscar"), first.By)
	again, err := w.Allocate(ctx, operator, order, "k")
	require.NoError(t, err)
	assert.True(t, again.Duplicate)
	assert.Equal(t, first.ID, again.ID)
	order.Amount.Amount++
	_, err = w.Allocate(ctx, operator, order, "k")
	assert.Equal(t, CodeConflict, code(t, err))
	order.Amount.Amount = -first.Amount.Amount - 1
	_, err = w.Allocate(ctx, operator, order, "")
	assert.Equal(t, CodeConflict, code(t, err))
	assert.Equal(t, accounting.TotalOf(first.Amount.Amount), again.Budget.Allocated)

	list, _, err := w.Allocations(ctx, accountant, nil, order.Owner, "", 0)
	require.NoError(t, err)
	assert.Len(t, list, 1)
	_, _, err = w.Allocations(ctx, alice, nil, order.Owner, "", 0)
	assert.Equal(t, CodeNotFound, code(t, err))
	w.audit()
}

func TestASemesterNeedsNoDatesAndAnotherPeriodDoes(t *testing.T) {
	w := newWorld(t)
	order := allocated(t, accounting.User("alice"), accounting.Soft, "10")
	order.Start, order.End = 0, 0
	_, err := w.Allocate(context.Background(), operator, order, "")
	assert.Equal(t, CodeInvalid, code(t, err))
	order.Period = "2026B"
	answer := w.allocate(order)
	assert.Equal(t, "2026-08-01T00:00:00.000Z", answer.Start.String())
	assert.Equal(t, "2027-02-01T00:00:00.000Z", answer.End.String())
}

func TestACorrectionAndARefundAreInTheHistory(t *testing.T) {
	w := newWorld(t)
	w.accepted(alice, request(1))
	d := w.takeWork()
	_, err := w.complete(d, completion(d, despatch.Completed)) // 30 core seconds for a cent each
	require.NoError(t, err)
	ctx := context.Background()
	used, err := accounting.NewQuantity(accounting.CoreSeconds, "20", "s")
	require.NoError(t, err)
	order := accounting.Correct{Ref: accounting.Ref(d.HistoryRef), Resources: []accounting.Quantity{used}, Reason: "ten were idle"}
	corrected, err := w.Correct(ctx, accountant, order, "k")
	require.NoError(t, err)
	assert.False(t, corrected.Duplicate)
	charge, _ := accounting.NewQuantity(accounting.Monetary, "0.2", "EUR")
	assert.Contains(t, corrected.Corrected.Charges, charge)
	again, err := w.Correct(ctx, accountant, order, "k")
	require.NoError(t, err)
	assert.True(t, again.Duplicate)
	assert.Len(t, again.Adjustments, 1)

	refund := accounting.Credit{Ref: order.Ref, Kind: accounting.EntryRefund, Amounts: []accounting.Quantity{charge}, Reason: "clouds"}
	_, err = w.Credit(ctx, accountant, refund, "")
	require.NoError(t, err)
	_, err = w.Credit(ctx, accountant, refund, "")
	assert.Equal(t, CodeConflict, code(t, err))
	refund.Ref = "nonsense"
	_, err = w.Credit(ctx, accountant, refund, "")
	assert.Equal(t, CodeInvalid, code(t, err))
	w.audit()
}

// halfPrice takes half off whatever it costs.
type halfPrice struct{ accounting.CostModel }

func (h halfPrice) Charge(w accounting.Work) (accounting.Bill, error) {
	bill, err := h.CostModel.Charge(w)
	for _, q := range bill.Charges {
		q.Amount /= 2
		bill.Discounts = append(bill.Discounts, accounting.Discount{Name: "half", Off: q})
	}
	return bill, err
}

func TestACorrectionKeepsTheTariffsDiscountsInProportion(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Costs = halfPrice{o.Costs} })
	w.accepted(alice, request(1))
	d := w.takeWork()
	_, err := w.complete(d, completion(d, despatch.Completed)) // 30 core seconds for half a cent each
	require.NoError(t, err)
	charged := func() accounting.Decimal {
		list, _, err := w.Accounts(context.Background(), operator, nil, accounting.AccountFilter{
			Owner: accounting.User("alice"), Resource: accounting.Monetary, Side: accounting.Charged,
		}, "", 0)
		require.NoError(t, err)
		require.Len(t, list, 1)
		return list[0].Balance
	}
	assert.Equal(t, accounting.Decimal("0.15"), charged())
	for _, c := range []struct {
		used string
		cost accounting.Decimal
	}{{"20", "0.1"}, {"40", "0.2"}, {"2", "0.01"}} {
		used, err := accounting.NewQuantity(accounting.CoreSeconds, c.used, "s")
		require.NoError(t, err)
		_, err = w.Correct(context.Background(), accountant, accounting.Correct{
			Ref: accounting.Ref(d.HistoryRef), Resources: []accounting.Quantity{used}, Reason: "a test",
		}, "")
		require.NoError(t, err)
		assert.Equal(t, c.cost, charged(), c.used)
	}
	w.audit()
}
