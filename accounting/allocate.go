package accounting

import "fmt"

// Allocate grants, raises or lowers what an owner may be charged of a resource
// in a period, and says how strict the limit is from now on. Nothing is edited:
// what is allocated is the sum of all such commands.
//
// A hard limit can't be set below what is charged, held and entrusted to nodes
// already (ErrFunds).
type Allocate struct {
	ID     AdjustmentID `json:"id"`
	Node   NodeName     `json:"node"` // where it was made: the counter-account is this node's
	Owner  Owner        `json:"owner"`
	Period Period       `json:"period"`
	// Start and End are those of the period, for this budget: periods may
	// overlap, and an owner may be given longer than others.
	Start  Instant  `json:"start"`
	End    Instant  `json:"end"`
	Limit  Limit    `json:"limit"`  // Soft or Hard
	Amount Quantity `json:"amount"` // below zero: lowered
	Reason string   `json:"reason"`
	By     OwnerID  `json:"by"`
	Time   Instant  `json:"time"`
}

// Budget names what is allocated.
func (c Allocate) Budget() BudgetID { return budgetOf(c.Owner, c.Period, c.Amount) }

func (c Allocate) apply(s *state) (Result, error) {
	if again, err := s.once(c.ID, c); again || err != nil {
		return Result{Duplicate: again}, err
	}
	b, err := s.budget(c.Budget())
	if err != nil {
		return Result{}, err
	}
	before := b
	b.Limit, b.Start, b.End = c.Limit, c.Start, c.End
	if b.Allocated, err = b.Allocated.Add(c.Amount.Amount); err != nil {
		return Result{}, err
	}
	if b.Allocated.Cmp(Total{}) < 0 {
		return Result{}, conflict(b.BudgetID.String(), "it can't be lowered by %s %s: only %s are allocated",
			(-c.Amount.Amount).Format(b.Unit), b.Unit, before.Allocated.Format(b.Unit))
	}
	left, err := b.Left()
	if err != nil {
		return Result{}, err
	}
	if b.Limit == Hard && left.Cmp(Total{}) < 0 {
		return Result{}, &Refusal{Subject: b.BudgetID.String(), Kind: ErrFunds,
			Reason: fmt.Sprintf("a hard limit of %s %s is not possible: %s", b.Allocated.Format(b.Unit), b.Unit, before.Words())}
	}
	s.putBudget(b)
	if err := s.post(posting{
		owner: c.Owner, node: c.Node, period: c.Period, side: Allocated, sign: 1,
		row: entryRow{Time: c.Time, Kind: EntryAllocation, Cause: string(c.ID)},
	}, []Quantity{c.Amount}); err != nil {
		return Result{}, err
	}
	return Result{}, s.putJSON(allocationKey(c), c)
}

// allocationKey puts an owner's allocations in the order in which they were made.
func allocationKey(c Allocate) []byte {
	id, _ := uuidBytes(string(c.ID))
	return timedKey(allocationsOf(c.Owner), c.Time, id)
}

func allocationsOf(owner Owner) []byte {
	return nameKey(tagAllocation, string(owner.Kind), string(owner.ID))
}

// EnrolOwner gives an owner a name and a place in the tree. Sessions that name
// an owner do so too, but never take away what is known.
type EnrolOwner struct {
	Owner  Owner   `json:"owner"`
	Name   string  `json:"name,omitempty"`
	Parent Owner   `json:"parent,omitzero"`
	By     OwnerID `json:"by"`
	Time   Instant `json:"time"`
}

func (c EnrolOwner) apply(s *state) (Result, error) {
	known, err := s.owner(c.Owner)
	if err != nil {
		return Result{}, err
	}
	r := OwnerRecord{Owner: c.Owner, Name: c.Name, Parent: c.Parent}
	if known == r {
		return Result{Duplicate: true}, nil
	}
	return Result{}, s.putJSON(ownerRowKey(c.Owner), r)
}

// Allocations lists what was allocated to an owner, newest first, and the
// cursor of the rest. Somebody else's are ErrNotFound.
func Allocations(view View, caller Caller, owner Owner, cursor Cursor, limit int) ([]Allocate, Cursor, error) {
	if !caller.seesAccount(owner) {
		return nil, "", notFound("allocations of " + owner.String())
	}
	span := Prefix(allocationsOf(owner))
	span.Reverse = true
	span, err := cursor.after(span)
	if err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	var page []Allocate
	var last []byte
	for k, value := range view.Scan(span) {
		if len(page) == limit {
			return page, cursorAt(last), nil
		}
		last = clone(k)
		var c Allocate
		if _, err := readRow(value, &c); err != nil {
			return nil, "", fmt.Errorf("allocation of %s: %w", owner, err)
		}
		page = append(page, c)
	}
	return page, "", nil
}
