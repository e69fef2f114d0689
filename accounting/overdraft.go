package accounting

import "fmt"

// An Overdraft is one reason why a budget with a soft limit is below zero: a
// session whose hold, or an attempt whose charge, took more than was left. Nodes
// that can't reach each other both spend what is left of a soft limit, and it
// settles when their records meet; this says what each of them did, and what it
// could know.
type Overdraft struct {
	Session SessionID `json:"session"`
	// HistoryRef is the attempt that was charged; of what is only held, there is
	// none.
	HistoryRef Ref      `json:"historyRef,omitempty"`
	Node       NodeName `json:"node"`
	Time       Instant  `json:"time"`   // when the node decided it, by its clock
	Amount     Decimal  `json:"amount"` // what it took
	Left       Decimal  `json:"left"`   // with it, by the record: below zero
	// Apart is since when the node had not heard from the federation as it
	// accepted; none if it had.
	Apart  Instant `json:"apart,omitzero"`
	Reason string  `json:"reason"`
}

// overdraftRow is how it is kept.
type overdraftRow struct {
	Session  SessionID `json:"session"`
	Ref      Ref       `json:"ref,omitempty"`
	Node     NodeName  `json:"node"`
	Time     Instant   `json:"time"`
	Apart    Instant   `json:"apart,omitzero"`
	Amount   Decimal   `json:"amount"`
	Left     Decimal   `json:"left"`
	Released bool      `json:"released,omitzero"` // a hold that holds nothing any more

	cause string // UUID of the hold or the attempt; its key says it
}

// overdraw notes what a hold or a charge means for a budget that it has changed by
// an amount: that it is overdrawn, or that a hold no longer is a reason for that.
func (s *state) overdraw(b Budget, amount Amount, by overdraftRow) error {
	k, err := overdraftKey(b.BudgetID, by.cause)
	if err != nil {
		return err
	}
	if amount < 0 {
		var row overdraftRow
		found, err := readRow(s.get(k), &row)
		if err != nil || !found || row.Ref != "" { // what was charged stays a reason, though less of it
			return err
		}
		row.Released = true
		return s.putJSON(k, row)
	}
	left, err := b.Left()
	if err != nil || b.Limit != Soft || amount == 0 || left.Cmp(Total{}) >= 0 {
		return err
	}
	by.Amount, by.Left = amount.Format(b.Unit), left.Format(b.Unit)
	return s.putJSON(k, by)
}

func overdraftKey(id BudgetID, cause string) ([]byte, error) {
	raw, ok := uuidBytes(cause)
	if !ok {
		return nil, invalid("overdraft", "%s has no cause", id)
	}
	return append(id.keyOf(tagOverdraft), raw[:]...), nil
}

// Overdrafts lists why a budget is below zero, newest first, at most so many:
// what is still held, and what was charged. It is for whoever may see the budget.
func Overdrafts(view View, id BudgetID, limit int) (list []Overdraft, err error) {
	newest := Prefix(id.keyOf(tagOverdraft))
	newest.Reverse = true
	examined := 0
	for _, value := range view.Scan(newest) {
		if examined++; len(list) == limit || examined > maxExamined {
			break
		}
		var row overdraftRow
		if _, err := readRow(value, &row); err != nil {
			return nil, fmt.Errorf("overdrafts of %s: %w", id, err)
		}
		if !row.Released {
			list = append(list, row.tell())
		}
	}
	return list, nil
}

func (r overdraftRow) tell() Overdraft {
	o := Overdraft{Session: r.Session, HistoryRef: r.Ref, Node: r.Node, Time: r.Time, Amount: r.Amount, Left: r.Left, Apart: r.Apart}
	switch {
	case r.Apart != 0:
		o.Reason = fmt.Sprintf("accepted at %s while that had heard nothing from the federation since %s; it could not know what others took", r.Node, r.Apart)
	case r.Ref != "":
		o.Reason = fmt.Sprintf("charged by %s; the limit is a soft one", r.Node)
	default:
		o.Reason = fmt.Sprintf("accepted at %s; the limit is a soft one", r.Node)
	}
	return o
}
