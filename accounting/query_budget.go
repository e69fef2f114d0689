package accounting

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A BudgetFilter says whose budgets are wanted. Empty fields want any.
type BudgetFilter struct {
	Caller   Caller // who asks; the zero Caller gets nothing
	Owner    Owner
	Resource Resource
	Period   Period
	Limited  bool // only those with a limit
}

// Budgets lists where owners stand, in order of owner, period and resource, and
// the cursor of the rest.
func Budgets(view View, filter BudgetFilter, cursor Cursor, limit int) ([]Budget, Cursor, error) {
	read := func(k, row []byte) (Budget, error) {
		b, err := budgetAt(k, row)
		b.Pending = pending(view, k)
		return b, err
	}
	return listByOwner(view, filter.Caller.spans(tagBudget, filter.Owner), cursor, limit, read, filter.wants)
}

func (f BudgetFilter) wants(b Budget) bool {
	return (f.Resource == "" || b.Resource == f.Resource) &&
		(f.Period == "" || b.Period == f.Period) &&
		(!f.Limited || b.Limit != Unlimited)
}

// maxOverdrafts is how many reasons a budget is listed with.
const maxOverdrafts = 20

// Explain adds to budgets that are below zero why they are.
func Explain(view View, budgets []Budget) error {
	for i := range budgets {
		b := &budgets[i]
		left, err := b.Left()
		if err != nil {
			return err
		}
		if b.Limit != Soft || left.Cmp(Total{}) >= 0 {
			continue
		}
		if b.Overdrafts, err = Overdrafts(view, b.BudgetID, maxOverdrafts); err != nil {
			return err
		}
	}
	return nil
}

// budgetAt reads a budget from its row.
func budgetAt(k, row []byte) (Budget, error) {
	names := bytes.Split(k[1:], []byte{nul})
	if len(names) != 6 {
		return Budget{}, fmt.Errorf("%w: a budget's key of %d names", ErrCorrupt, len(names)-1)
	}
	return readBudget(BudgetID{
		Owner: Owner{OwnerKind(names[0]), OwnerID(names[1])}, Period: Period(names[2]), Resource: Resource(names[3]), Unit: Unit(names[4]),
	}, row)
}

// FindBudget is where one budget stands; an empty one if nothing was ever
// allocated, held or charged. It is for the node, who asks on behalf of all.
func FindBudget(view View, id BudgetID) (Budget, error) { return readBudget(id, view.Get(id.key())) }

// FindAllowance is what a node was entrusted with of a budget.
func FindAllowance(view View, node NodeName, id BudgetID) (Allowance, error) {
	return readAllowance(node, id, view.Get(allowanceKey(node, id)))
}

// MarshalJSONTo writes a budget with its amounts as decimals.
func (b Budget) MarshalJSONTo(to *jsontext.Encoder) error {
	wire := struct {
		BudgetID
		Limit     Limit   `json:"limit,omitempty"`
		Start     Instant `json:"start,omitzero"`
		End       Instant `json:"end,omitzero"`
		Allocated Decimal `json:"allocated"`
		Charged   Decimal `json:"charged"`
		Held      Decimal `json:"held"`
		Entrusted Decimal `json:"entrusted"`
		Left      Decimal `json:"left,omitempty"`
		Pending   bool    `json:"pending,omitzero"`

		Overdrafts []Overdraft `json:"overdrafts,omitempty"`
	}{
		BudgetID: b.BudgetID, Limit: b.Limit, Start: b.Start, End: b.End,
		Allocated: b.Allocated.Format(b.Unit), Charged: b.Charged.Format(b.Unit),
		Held: b.Held.Format(b.Unit), Entrusted: b.Entrusted.Format(b.Unit), Pending: b.Pending, Overdrafts: b.Overdrafts,
	}
	if b.Limit != Unlimited {
		left, err := b.Left()
		if err != nil {
			return err
		}
		wire.Left = left.Format(b.Unit)
	}
	return json.MarshalEncode(to, wire)
}

// MarshalJSON is for the first version of Go's JSON library.
func (b Budget) MarshalJSON() ([]byte, error) { return encodeJSON(b) }
