package accounting

import (
	"bytes"
	"errors"
	"fmt"
)

// auditor takes what the records say off what the ledger says; nothing may be
// left of it.
type auditor struct {
	view     View
	accounts map[AccountID]Total
	budgets  map[BudgetID]*Budget
	errs     []error
}

func auditRecords(view View, balances map[AccountID]Total) error {
	a := &auditor{view: view, accounts: balances, budgets: make(map[BudgetID]*Budget)}
	for k, row := range view.Scan(Prefix([]byte{tagBudget})) {
		b, err := budgetAt(k, row)
		a.note(err)
		left, err := b.Left()
		a.note(err)
		if b.Limit == Hard && left.Cmp(Total{}) < 0 {
			a.note(fmt.Errorf("budget %s: its hard limit is passed: %s", b.BudgetID, b.Words()))
		}
		a.budgets[b.BudgetID] = &b
	}
	for _, row := range view.Scan(Prefix([]byte{tagHold})) {
		a.hold(row)
	}
	for _, row := range view.Scan(Prefix([]byte{tagAttempt})) {
		a.attempt(row)
	}
	for _, row := range view.Scan(Prefix([]byte{tagAllocation})) {
		a.allocation(row)
	}
	for k, row := range view.Scan(Prefix([]byte{tagAllowance})) {
		a.allowance(k, row)
	}
	for _, row := range view.Scan(Prefix([]byte{tagOverdraft})) {
		_, err := readRow(row, new(overdraftRow))
		a.note(err)
	}
	for id, rest := range a.accounts {
		if !rest.IsZero() {
			a.note(fmt.Errorf("account %s: has %v more than its records say", id, rest.int()))
		}
	}
	for id, b := range a.budgets {
		for what, rest := range map[string]Total{"allocated": b.Allocated, "charged": b.Charged, "held": b.Held, "entrusted": b.Entrusted} {
			if !rest.IsZero() {
				a.note(fmt.Errorf("budget %s: %s are %v more than its records say", id, what, rest.int()))
			}
		}
	}
	return errors.Join(a.errs...)
}

func (a *auditor) note(err error) {
	if err != nil {
		a.errs = append(a.errs, err)
	}
}

func (a *auditor) hold(row []byte) {
	var h Hold
	if _, err := readRow(row, &h); err != nil {
		a.note(err)
		return
	}
	if h.State == Pending {
		a.expect(h.Owners, h.Period, Held, h.Estimate)
	}
}

// attempt expects the ledger, and the statement's line, to be what the attempt
// says.
func (a *auditor) attempt(row []byte) {
	var h attemptHead
	if _, err := readRow(row, &h); err != nil {
		a.note(err)
		return
	}
	if !h.Phase.Terminal() {
		return
	}
	line := h.lineRow()
	a.expect(h.Owners, h.Period, Used, line.Resources)
	a.expect(h.Owners, h.Period, Charged, line.Charges)
	a.expect(h.Owners, h.Period, Unbilled, line.Unbilled)
	line.User = h.Owners.User.ID
	want, err := encodeJSON(line)
	a.note(err)
	if got := a.view.Get(h.line().key(h.Owners.Payer())); !bytes.Equal(got, want) {
		a.note(fmt.Errorf("attempt %s: its statement says %s instead of %s", h.HistoryRef, got, want))
	}
}

func (a *auditor) allocation(row []byte) {
	var c Allocate
	if _, err := readRow(row, &c); err != nil {
		a.note(err)
		return
	}
	a.take(c.Owner, c.Period, Allocated, c.Amount)
	a.subtract(&a.budget(c.Budget()).Allocated, TotalOf(c.Amount.Amount))
}

func (a *auditor) allowance(k, row []byte) {
	names := bytes.Split(k[1:], []byte{nul})
	if len(names) != 7 {
		a.note(fmt.Errorf("%w: an allowance's key of %d names", ErrCorrupt, len(names)-1))
		return
	}
	id := BudgetID{
		Owner: Owner{OwnerKind(names[1]), OwnerID(names[2])}, Period: Period(names[3]), Resource: Resource(names[4]), Unit: Unit(names[5]),
	}
	allowance, err := readAllowance(NodeName(names[0]), id, row)
	a.note(err)
	if allowance.Remaining < 0 {
		a.note(fmt.Errorf("allowance of %s at %s: %d are left", id, names[0], allowance.Remaining))
	}
	a.subtract(&a.budget(id).Entrusted, TotalOf(allowance.Remaining))
}

// expect takes quantities off the payer's account, and off the budgets of the
// path where they roll up.
func (a *auditor) expect(o Owners, period Period, side Side, quantities []Quantity) {
	for _, q := range quantities {
		a.take(o.Payer(), period, side, q)
		for _, owner := range o.Path() {
			switch side {
			case Charged:
				a.subtract(&a.budget(budgetOf(owner, period, q)).Charged, TotalOf(q.Amount))
			case Held:
				a.subtract(&a.budget(budgetOf(owner, period, q)).Held, TotalOf(q.Amount))
			}
		}
	}
}

func (a *auditor) take(owner Owner, period Period, side Side, q Quantity) {
	id := accountHead{Owner: owner, Resource: q.Name, Unit: q.Unit, Period: period, Side: side}.id()
	rest := a.accounts[id]
	a.subtract(&rest, TotalOf(q.Amount))
	a.accounts[id] = rest
}

func (a *auditor) budget(id BudgetID) *Budget {
	b := a.budgets[id]
	if b == nil {
		b = &Budget{BudgetID: id}
		a.budgets[id] = b
	}
	return b
}

func (a *auditor) subtract(from *Total, what Total) {
	rest, err := from.Minus(what)
	a.note(err)
	*from = rest
}
