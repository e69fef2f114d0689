package node

import (
	"context"

	"starling/accounting"
	"starling/federation/identity"
)

// What callers read of the record, each as the Look says; nil: locally.

// HistoryEntry returns the record of one attempt, with all that was reported.
func (b *Broker) HistoryEntry(ctx context.Context, caller identity.Caller, how *Look, ref identity.UUID) (entry accounting.HistoryEntry, err error) {
	wanted := accounting.Ref(ref.String())
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		entry, err = accounting.History(view, asker(caller), wanted)
		return b.missed(view, caller, wanted, err)
	})
	return entry, err
}

// History lists attempts, and the cursor of the rest.
func (b *Broker) History(ctx context.Context, caller identity.Caller, how *Look, filter accounting.HistoryFilter, cursor accounting.Cursor, limit int) (page []accounting.HistoryEntry, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.Histories(view, filter, cursor, limit)
		return err
	})
	return page, next, err
}

// Updates lists what was reported of one attempt, in order, and the cursor of the
// rest.
func (b *Broker) Updates(ctx context.Context, caller identity.Caller, how *Look, ref identity.UUID, cursor accounting.Cursor, limit int) (page []accounting.Update, next accounting.Cursor, err error) {
	wanted := accounting.Ref(ref.String())
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.Updates(view, asker(caller), wanted, cursor, limit)
		return b.missed(view, caller, wanted, err)
	})
	return page, next, err
}

// Accounts lists accounts, and the cursor of the rest.
func (b *Broker) Accounts(ctx context.Context, caller identity.Caller, how *Look, filter accounting.AccountFilter, cursor accounting.Cursor, limit int) (page []accounting.Account, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.Accounts(view, filter, cursor, limit)
		return err
	})
	return page, next, err
}

// Entries lists what moved an account's balance, newest first.
func (b *Broker) Entries(ctx context.Context, caller identity.Caller, how *Look, id accounting.AccountID, cursor accounting.Cursor, limit int) (page []accounting.Entry, next accounting.Cursor, err error) {
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.Entries(view, asker(caller), id, cursor, limit)
		return err
	})
	return page, next, err
}

// Statement says what an owner estimated, used and was charged in a period.
// The empty filter is the caller's own, of the present period.
func (b *Broker) Statement(ctx context.Context, caller identity.Caller, how *Look, filter accounting.StatementFilter, cursor accounting.Cursor, limit int) (statement accounting.Statement, err error) {
	filter.Caller = asker(caller)
	if filter.Owner.IsZero() {
		filter.Owner = accounting.User(accounting.OwnerID(caller.User))
	}
	if filter.Period == "" {
		filter.Period = accounting.PeriodAt(wall(b.now()))
	}
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		statement, err = accounting.MakeStatement(view, filter, cursor, limit)
		return err
	})
	return statement, err
}

// Budgets lists where owners stand, and the cursor of the rest.
func (b *Broker) Budgets(ctx context.Context, caller identity.Caller, how *Look, filter accounting.BudgetFilter, cursor accounting.Cursor, limit int) (page []accounting.Budget, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		if page, next, err = accounting.Budgets(view, filter, cursor, limit); err != nil {
			return err
		}
		return accounting.Explain(view, page)
	})
	return page, next, err
}

// Allocations lists what was allocated to an owner, newest first, and the cursor
// of the rest.
func (b *Broker) Allocations(ctx context.Context, caller identity.Caller, how *Look, owner accounting.Owner, cursor accounting.Cursor, limit int) (page []accounting.Allocate, next accounting.Cursor, err error) {
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.Allocations(view, asker(caller), owner, cursor, limit)
		return err
	})
	return page, next, err
}

// Audit lists who did what, and who was refused, and the cursor of the rest.
func (b *Broker) Audit(ctx context.Context, caller identity.Caller, how *Look, filter accounting.AuditFilter, cursor accounting.Cursor, limit int) (page []accounting.AuditEntry, next accounting.Cursor, err error) {
	filter.Caller = asker(caller)
	err = b.look(ctx, how, func(view accounting.View) (err error) {
		page, next, err = accounting.AuditTrail(view, filter, cursor, limit)
		return err
	})
	return page, next, err
}
