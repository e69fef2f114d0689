package api

import (
	"context"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node"
)

// What the fake was ordered, and what it knows of budgets.

func (f *fake) budget() accounting.Budget {
	return accounting.Budget{
		BudgetID: accounting.BudgetID{Owner: accounting.Proposal("P-7"), Period: "2026B", Resource: accounting.Monetary, Unit: "EUR"},
		Limit:    accounting.Hard, Start: accounting.At(noonUTC), End: accounting.At(noonUTC) + 1,
		Allocated: accounting.TotalOf(100_000_000), Charged: accounting.TotalOf(25_500_000),
	}
}

func (f *fake) Budgets(_ context.Context, caller identity.Caller, how *node.Look, filter accounting.BudgetFilter, cursor accounting.Cursor, limit int) ([]accounting.Budget, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.order, f.cursor, f.limit = filter, string(cursor), limit
	return []accounting.Budget{f.budget()}, accounting.Cursor(f.next), f.enter(caller)
}

func (f *fake) Allocations(_ context.Context, caller identity.Caller, how *node.Look, owner accounting.Owner, cursor accounting.Cursor, limit int) ([]accounting.Allocate, accounting.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked(how)
	f.order, f.cursor, f.limit = owner, string(cursor), limit
	return []accounting.Allocate{f.complete(accounting.Allocate{
		Owner: owner, Period: "2026B", Limit: accounting.Hard, Reason: "TAC",
		Amount: accounting.Quantity{Name: accounting.Monetary, Amount: 100_000_000, Unit: "EUR"},
	})}, accounting.Cursor(f.next), f.enter(caller)
}

func (*fake) complete(order accounting.Allocate) accounting.Allocate {
	order.ID, order.Node, order.By, order.Time = accounting.AdjustmentID(attemptID.String()), "kth", "oscar", accounting.At(noonUTC)
	order.Start, order.End = order.Time, order.Time+1
	return order
}

func (f *fake) Allocate(_ context.Context, caller identity.Caller, order accounting.Allocate, key string) (node.AllocationAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	again := f.key != "" && f.key == key
	f.order, f.key = order, key
	return node.AllocationAnswer{Allocate: f.complete(order), Budget: f.budget(), Duplicate: again}, f.enter(caller)
}

func (f *fake) Revoke(_ context.Context, caller identity.Caller, order accounting.RevokeCertificate) error {
	f.order = order
	return f.err
}

func (f *fake) Enrol(_ context.Context, caller identity.Caller, order accounting.EnrolOwner) (accounting.OwnerRecord, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = order
	return accounting.OwnerRecord{Owner: order.Owner, Name: order.Name, Parent: order.Parent}, f.enter(caller)
}

func (f *fake) Correct(ctx context.Context, caller identity.Caller, order accounting.Correct, key string) (node.CompletionAnswer, error) {
	return f.adjusted(ctx, caller, order, key)
}

func (f *fake) Credit(ctx context.Context, caller identity.Caller, order accounting.Credit, key string) (node.CompletionAnswer, error) {
	return f.adjusted(ctx, caller, order, key)
}

func (f *fake) adjusted(ctx context.Context, caller identity.Caller, order accounting.Command, key string) (node.CompletionAnswer, error) {
	f.mu.Lock()
	f.order, f.key = order, key
	f.mu.Unlock()
	entry, err := f.HistoryEntry(ctx, caller, nil, attemptID)
	return node.CompletionAnswer{HistoryEntry: entry}, err
}
