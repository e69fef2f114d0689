package accounting

import (
	"encoding/binary"
	"fmt"
)

// An Allowance is that part of a hard-limited budget that one node may spend
// without asking: it counts as taken in every other node's eyes. So the limit
// holds although nodes accept sessions while they can't reach each other.
//
// The node keeps its own count of what is left, in its session store, and
// spends it in the transaction of the booking; the command that follows says
// what was spent (Draw). Remaining is the same as of the commands applied.
type Allowance struct {
	Node      NodeName
	Budget    BudgetID
	Remaining Amount
	Granted   Amount // ever; the node credits itself with what is new of it
	Number    uint64 // of the node's newest command about it
}

// A Draw is what a node spends of its allowance of one budget.
type Draw struct {
	Owner  Owner    `json:"owner"`
	Amount Quantity `json:"amount"`
}

// GrantAllowance entrusts a node with a part of what a hard limit leaves: as
// much as there is, up to Most, or nothing if that is less than Least. The
// Number counts the node's commands about this budget, so that a repeated one
// is a duplicate.
type GrantAllowance struct {
	Node   NodeName `json:"node"`
	Owner  Owner    `json:"owner"`
	Period Period   `json:"period"`
	Number uint64   `json:"number"`
	Least  Quantity `json:"least"`
	Most   Quantity `json:"most"`
	Time   Instant  `json:"time"`
}

// ReturnAllowance gives back all that a node has left, and what it never took
// up: after it, the node has nothing.
type ReturnAllowance struct {
	Node   NodeName `json:"node"`
	Owner  Owner    `json:"owner"`
	Period Period   `json:"period"`
	Number uint64   `json:"number"`
	// Credited is how much of all that was ever granted the node has taken up.
	Credited Quantity `json:"credited"`
	Time     Instant  `json:"time"`
}

func (c GrantAllowance) apply(s *state) (Result, error) {
	a, b, err := s.allowanceFor(c.Node, budgetOf(c.Owner, c.Period, c.Most))
	if err != nil || c.Number <= a.Number {
		return Result{Duplicate: err == nil}, err
	}
	a.Number = c.Number
	if b.Limit == Hard {
		left, err := b.Left()
		if err != nil {
			return Result{}, err
		}
		grant := c.Most.Amount
		if left.Cmp(TotalOf(grant)) < 0 {
			grant = left.amount()
		}
		if grant >= c.Least.Amount {
			if err := s.entrust(&a, &b, grant); err != nil {
				return Result{}, err
			}
			if a.Granted, err = a.Granted.Add(grant); err != nil {
				return Result{}, err
			}
		}
	}
	s.putAllowance(a)
	s.putBudget(b)
	return Result{}, nil
}

func (c ReturnAllowance) apply(s *state) (Result, error) {
	a, b, err := s.allowanceFor(c.Node, budgetOf(c.Owner, c.Period, c.Credited))
	if err != nil || c.Number <= a.Number {
		return Result{Duplicate: err == nil}, err
	}
	a.Number, a.Granted = c.Number, min(a.Granted, c.Credited.Amount)
	if err := s.entrust(&a, &b, -a.Remaining); err != nil {
		return Result{}, err
	}
	s.putAllowance(a)
	s.putBudget(b)
	return Result{}, nil
}

// spend takes what a node draws out of its allowances. What it doesn't have it
// can't spend: the limit decides then, as if it had drawn nothing.
func (s *state) spend(node NodeName, period Period, draws []Draw) error {
	for _, d := range draws {
		a, b, err := s.allowanceFor(node, budgetOf(d.Owner, period, d.Amount))
		if err != nil {
			return err
		}
		if err := s.entrust(&a, &b, -min(d.Amount.Amount, a.Remaining)); err != nil {
			return err
		}
		s.putAllowance(a)
		s.putBudget(b)
	}
	return nil
}

// entrust moves an amount between a budget and a node's allowance.
func (s *state) entrust(a *Allowance, b *Budget, amount Amount) (err error) {
	if a.Remaining, err = a.Remaining.Add(amount); err != nil {
		return err
	}
	b.Entrusted, err = b.Entrusted.Add(amount)
	return err
}

func (s *state) allowanceFor(node NodeName, id BudgetID) (Allowance, Budget, error) {
	a, err := readAllowance(node, id, s.get(allowanceKey(node, id)))
	if err != nil {
		return a, Budget{}, err
	}
	b, err := s.budget(id)
	return a, b, err
}

func (s *state) putAllowance(a Allowance) { s.put(allowanceKey(a.Node, a.Budget), a.bytes()) }

func allowanceKey(node NodeName, id BudgetID) []byte {
	return nameKey(tagAllowance, string(node),
		string(id.Owner.Kind), string(id.Owner.ID), string(id.Period), string(id.Resource), string(id.Unit))
}

// allowanceBytes is the stored size: form 1 · remaining 8 · granted 8 · number 8.
const (
	allowanceForm  = 1
	allowanceBytes = 1 + 3*8
)

func (a Allowance) bytes() []byte {
	row := append(make([]byte, 0, allowanceBytes), allowanceForm)
	row = binary.BigEndian.AppendUint64(row, uint64(a.Remaining))
	row = binary.BigEndian.AppendUint64(row, uint64(a.Granted))
	return binary.BigEndian.AppendUint64(row, a.Number)
}

func readAllowance(node NodeName, id BudgetID, row []byte) (Allowance, error) {
	a := Allowance{Node: node, Budget: id}
	if row == nil {
		return a, nil
	}
	if len(row) != allowanceBytes || row[0] != allowanceForm {
		return a, fmt.Errorf("%w: allowance of %s at %s of %d bytes", ErrCorrupt, id, node, len(row))
	}
	a.Remaining = Amount(binary.BigEndian.Uint64(row[1:]))
	a.Granted = Amount(binary.BigEndian.Uint64(row[9:]))
	a.Number = binary.BigEndian.Uint64(row[17:])
	return a, nil
}
