package accounting

import (
	"encoding/binary"
	"fmt"
)

// A Limit says what an allocation means.
type Limit string

// The limits. A soft one may be overdrawn, and whoever does so is warned; a
// hard one is never passed (promise 4).
const (
	Unlimited Limit = "" // nothing was ever allocated
	Soft      Limit = "soft"
	Hard      Limit = "hard"
)

// limits give each limit its byte. They are only ever added to.
var limits = [...]Limit{Unlimited, Soft, Hard}

// A BudgetID names what one owner may be charged of one resource in one period.
type BudgetID struct {
	Owner    Owner    `json:"owner"`
	Period   Period   `json:"period"`
	Resource Resource `json:"resource"`
	Unit     Unit     `json:"unit,omitempty"`
}

// budgetOf names the budget of a quantity; its amount says nothing.
func budgetOf(owner Owner, period Period, q Quantity) BudgetID {
	return BudgetID{Owner: owner, Period: period, Resource: q.Name, Unit: q.Unit}
}

func (id BudgetID) String() string {
	return fmt.Sprintf("%s, %s of %s", id.Owner, id.Resource, id.Period)
}

// A Budget is what an owner and all beneath it are charged and hold, and what
// of it is allowed. Every owner on a payer's way up the tree has one, limit or
// no limit; for a payer it is what her accounts say, for those above her it is
// their sum.
type Budget struct {
	BudgetID
	Limit      Limit
	Start, End Instant // of the period, as it was last allocated

	Allocated Total
	Charged   Total
	Held      Total // by pending holds
	Entrusted Total // to nodes, as allowances not spent yet

	// Overdrafts say why a soft limit is below zero; they are not part of the row.
	Overdrafts []Overdraft

	Pending bool // some of it is not on record yet
}

// Left is what is neither charged, held nor entrusted to a node. Of a hard
// limit it is never below zero.
func (b Budget) Left() (left Total, err error) {
	left = b.Allocated
	for _, taken := range []Total{b.Charged, b.Held, b.Entrusted} {
		if left, err = left.Minus(taken); err != nil {
			return left, overflow(b.BudgetID.String(), "its balance would not fit")
		}
	}
	return left, nil
}

// Contains reports whether a time is in the budget's period.
func (b Budget) Contains(at Instant) bool {
	return b.Limit != Unlimited && b.Start <= at && at < b.End
}

// Words says where a budget stands, for those who are refused.
func (b Budget) Words() string {
	return fmt.Sprintf("of %s %s allocated, %s are charged, %s held and %s entrusted to nodes",
		b.Allocated.Format(b.Unit), b.Unit, b.Charged.Format(b.Unit), b.Held.Format(b.Unit), b.Entrusted.Format(b.Unit))
}

// refuse says what a hard limit leaves no room for.
func (b Budget) refuse(asked Quantity) error {
	return &Refusal{Subject: b.BudgetID.String(), Kind: ErrFunds,
		Reason: fmt.Sprintf("%s; %s %s more would pass its hard limit", b.Words(), asked.Amount.Format(b.Unit), b.Unit)}
}

func (id BudgetID) key() []byte { return id.keyOf(tagBudget) }

func (id BudgetID) keyOf(tag byte) []byte {
	return nameKey(tag, string(id.Owner.Kind), string(id.Owner.ID), string(id.Period), string(id.Resource), string(id.Unit))
}

// budgetBytes is the stored size of a budget, in a fixed layout since it is
// written with every entry:
//
//	form 1 · limit 1 · start 8 · end 8 · allocated 16 · charged 16 · held 16 · entrusted 16
const (
	budgetForm  = 1
	budgetBytes = 2 + 8 + 8 + 4*totalBytes
)

func (b Budget) bytes() []byte {
	row := append(make([]byte, 0, budgetBytes), budgetForm, b.limitByte())
	row = binary.BigEndian.AppendUint64(row, uint64(b.Start))
	row = binary.BigEndian.AppendUint64(row, uint64(b.End))
	for _, t := range []Total{b.Allocated, b.Charged, b.Held, b.Entrusted} {
		row = t.append(row)
	}
	return row
}

func (b Budget) limitByte() byte {
	for i, limit := range limits {
		if limit == b.Limit {
			return byte(i)
		}
	}
	return 0xff
}

// readBudget decodes a row; without one the budget is empty.
func readBudget(id BudgetID, row []byte) (Budget, error) {
	b := Budget{BudgetID: id}
	if row == nil {
		return b, nil
	}
	if len(row) != budgetBytes || row[0] != budgetForm || int(row[1]) >= len(limits) {
		return b, fmt.Errorf("%w: budget %s of %d bytes", ErrCorrupt, id, len(row))
	}
	b.Limit = limits[row[1]]
	b.Start = Instant(binary.BigEndian.Uint64(row[2:]))
	b.End = Instant(binary.BigEndian.Uint64(row[10:]))
	for i, t := range []*Total{&b.Allocated, &b.Charged, &b.Held, &b.Entrusted} {
		*t = totalOf(row[18+i*totalBytes:])
	}
	return b, nil
}

func (s *state) budget(id BudgetID) (Budget, error) { return readBudget(id, s.get(id.key())) }

func (s *state) putBudget(b Budget) { s.put(b.key(), b.bytes()) }

// Path lists the owners whose limits a session must pass: who pays, and whoever
// she is part of. A user beside a proposal that pays is not limited; a group is
// a single request, and its limit is what was offered for it.
func (o Owners) Path() []Owner {
	path := []Owner{o.Payer()}
	if o.Proposal.ID != "" {
		for _, above := range []Owner{{KindProgramme, o.Programme.ID}, {KindTAG, o.TAG.ID}} {
			if above.ID != "" {
				path = append(path, above)
			}
		}
	}
	return path
}

// each visits the budgets of a quantity along a session's path.
func (s *state) each(o Owners, period Period, q Quantity, visit func(Budget) error) error {
	for _, owner := range o.Path() {
		b, err := s.budget(budgetOf(owner, period, q))
		if err != nil {
			return err
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

// roll adds a quantity to what the budgets of a path hold or are charged, and
// notes by whom a soft limit is overdrawn.
func (s *state) roll(o Owners, period Period, side Side, q Quantity, by overdraftRow) error {
	return s.each(o, period, q, func(b Budget) (err error) {
		sum := &b.Charged
		if side == Held {
			sum = &b.Held
		}
		if *sum, err = sum.Add(q.Amount); err != nil {
			return overflow(b.BudgetID.String(), "its balance would not fit")
		}
		s.putBudget(b)
		return s.overdraw(b, q.Amount, by)
	})
}

// room is how much of a quantity the hard limits of a path leave, at most all
// of it, and the budget that leaves the least.
func (s *state) room(o Owners, period Period, q Quantity) (room Amount, least Budget, err error) {
	room = q.Amount
	err = s.each(o, period, q, func(b Budget) error {
		if b.Limit != Hard {
			return nil
		}
		left, err := b.Left()
		if err != nil {
			return err
		}
		if left.Cmp(TotalOf(room)) < 0 {
			room, least = left.amount(), b
		}
		return nil
	})
	return max(room, 0), least, err
}
