package accounting

import (
	"crypto/sha256"
	"fmt"
)

// Correct replaces what a completed attempt is said to have used, and what that
// costs, by an operator's word. Only the differences to what is in force are
// posted, as new entries; the report itself stays on record.
type Correct struct {
	ID        AdjustmentID `json:"id"`
	Ref       Ref          `json:"ref"`
	Resources []Quantity   `json:"resources,omitempty"` // all that was used, not only what is new
	Charges   []Quantity   `json:"charges,omitempty"`   // what all of that costs
	Tariff    TariffHash   `json:"tariff,omitempty"`
	Reason    string       `json:"reason"`
	By        OwnerID      `json:"by"`
	Time      Instant      `json:"time"`
}

// Credit gives back what an attempt was charged: a discount or a refund, which
// differ in name only. In sum an attempt never gives back more than it was
// charged.
type Credit struct {
	ID      AdjustmentID `json:"id"`
	Ref     Ref          `json:"ref"`
	Kind    EntryKind    `json:"kind"` // EntryDiscount or EntryRefund
	Amounts []Quantity   `json:"amounts"`
	Reason  string       `json:"reason"`
	By      OwnerID      `json:"by"`
	Time    Instant      `json:"time"`
}

// An Adjustment is a correction, a discount or a refund as the history keeps it.
type Adjustment struct {
	ID     AdjustmentID `json:"id"`
	Kind   EntryKind    `json:"kind"` // EntryCorrection, EntryDiscount or EntryRefund
	Time   Instant      `json:"time"`
	By     OwnerID      `json:"by"`
	Reason string       `json:"reason"`
	// Resources and Charges are those that a correction put in force.
	Resources []Quantity `json:"resources,omitempty"`
	Charges   []Quantity `json:"charges,omitempty"`
	Tariff    TariffHash `json:"tariff,omitempty"`
	// Amounts are what was given back.
	Amounts []Quantity `json:"amounts,omitempty"`
}

// maxAdjustments bounds how often one attempt is adjusted.
const maxAdjustments = 1000

func (c Correct) apply(s *state) (Result, error) {
	h, again, err := s.adjustable(c.ID, c.Ref, c)
	if again || err != nil {
		return Result{Duplicate: again}, err
	}
	used, err := differences(h.inForce(), c.Resources)
	if err != nil {
		return Result{}, err
	}
	row := entryRow{Time: c.Time, Kind: EntryCorrection, Cause: string(c.ID), Tariff: c.Tariff}
	if err := s.post(h.posting(Used, row), used); err != nil {
		return Result{}, err
	}
	bill := h.bill()
	if err := bill.reprice(c.Charges); err != nil {
		return Result{}, err
	}
	changes, err := s.settle(h, bill, row)
	if err != nil {
		return Result{}, err
	}
	return Result{}, s.putAdjustment(h, changes, Adjustment{
		ID: c.ID, Kind: EntryCorrection, Time: c.Time, By: c.By, Reason: c.Reason,
		Resources: c.Resources, Charges: c.Charges, Tariff: c.Tariff,
	})
}

func (c Credit) apply(s *state) (Result, error) {
	h, again, err := s.adjustable(c.ID, c.Ref, c)
	if again || err != nil {
		return Result{Duplicate: again}, err
	}
	bill := h.bill()
	take := bill.giveBack
	if c.Kind == EntryDiscount {
		take = bill.discount
	}
	for _, q := range c.Amounts {
		if err := take(q); err != nil {
			return Result{}, conflict("attempt "+string(c.Ref), "%v", err)
		}
	}
	row := entryRow{Time: c.Time, Kind: c.Kind, Cause: string(c.ID)}
	changes, err := s.settle(h, bill, row)
	if err != nil {
		return Result{}, err
	}
	return Result{}, s.putAdjustment(h, changes, Adjustment{
		ID: c.ID, Kind: c.Kind, Time: c.Time, By: c.By, Reason: c.Reason, Amounts: c.Amounts,
	})
}

// adjustable reads the attempt that an adjustment is about, unless the very
// same was made before.
func (s *state) adjustable(id AdjustmentID, ref Ref, c adjuster) (h *attemptHead, again bool, err error) {
	subject := "attempt " + string(ref)
	if again, err = s.once(id, c); again || err != nil {
		return nil, again, err
	}
	if h, err = s.attempt(ref); err != nil {
		return nil, false, err
	}
	if !h.Phase.Terminal() {
		return nil, false, conflict(subject, "it is %s: what has not ended was not charged yet", h.Phase)
	}
	if h.AdjustmentRows >= maxAdjustments {
		return nil, false, conflict(subject, "it was adjusted %d times, and can't be again", h.AdjustmentRows)
	}
	return h, false, nil
}

// putAdjustment puts an adjustment into the attempt's history, and what it
// changed of what is owed into the statements.
func (s *state) putAdjustment(h *attemptHead, changes []Quantity, a Adjustment) error {
	h.Updated = a.Time
	h.AdjustmentRows++
	if a.Kind == EntryCorrection {
		h.Corrected = &a
	}
	raw, _ := uuidBytes(string(h.HistoryRef))
	if err := s.putJSON(numberedKey(tagAdjusted, raw, h.AdjustmentRows), a); err != nil {
		return err
	}
	if err := h.Moved.add(a.Kind, changes); err != nil {
		return err
	}
	if err := s.putLine(h.line(), h.lineRow()); err != nil {
		return err
	}
	return s.putAttempt(h)
}

// An adjuster is a command that has an id. The order is what was asked for:
// the command without what a node adds, so that the same order is known again
// at another time and under another tariff.
type adjuster interface {
	Command
	order() Command
}

func (c Allocate) order() Command { c.Node, c.Time = "", 0; return c }
func (c Correct) order() Command  { c.Charges, c.Tariff, c.Time = nil, "", 0; return c }
func (c Credit) order() Command   { c.Time = 0; return c }

// once remembers that an adjustment was made, and reports whether this very
// order was carried out before. Another under its name is a conflict.
func (s *state) once(id AdjustmentID, c adjuster) (again bool, err error) {
	raw, _ := uuidBytes(string(id))
	text, err := encodeJSON(c.order())
	if err != nil {
		return false, fmt.Errorf("encode %s: %w", c.commandType(), err)
	}
	sum := sha256.Sum256(append([]byte(c.commandType()), text...))
	digest := sum[:16]
	k := key(tagAdjustment, raw)
	switch known := s.get(k); {
	case known == nil:
		s.put(k, digest)
		return false, nil
	case string(known) == string(digest):
		return true, nil
	}
	return false, conflict("adjustment "+string(id), "another was made under this id")
}

// Adjusted reports whether an adjustment was made under an id.
func Adjusted(view View, id AdjustmentID) bool {
	raw, ok := uuidBytes(string(id))
	return ok && view.Get(key(tagAdjustment, raw)) != nil
}
