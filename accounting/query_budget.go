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
	return listByOwner(view, filter.Caller.spans(tagBudget, filter.Owner), cursor, limit, budgetAt, filter.wants)
}

func (f BudgetFilter) wants(b Budget) bool {
	return (f.Resource == "" || b.Resource == f.Resource) &&
		(f.Period == "" || b.Period == f.Period) &&
		(!f.Limited || b.Limit != Unlimited)
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
	}{
		BudgetID: b.BudgetID, Limit: b.Limit, Start: b.Start, End: b.End,
		Allocated: b.Allocated.Format(b.Unit), Charged: b.Charged.Format(b.Unit),
		Held: b.Held.Format(b.Unit), Entrusted: b.Entrusted.Format(b.Unit),
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
