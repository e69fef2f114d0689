package accounting

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A BillLine is what became of one attempt's charge for one resource.
//
//	Due = Billed + Unbilled + Returned
//
// unless a correction made less due than had been returned.
type BillLine struct {
	Resource Resource
	Unit     Unit
	Due      Amount // by the newest report
	Returned Amount // discounts and refunds
	Billed   Amount // on the payer's account
	Unbilled Amount // what a hard limit kept off it
}

// Billed is what is on the payer's account for an attempt, by the newest word.
func (e *HistoryEntry) Billed() (amounts []Quantity) {
	for _, q := range e.Charges {
		if e.Bill == nil && q.Amount > 0 {
			amounts = append(amounts, q)
		}
	}
	for _, l := range e.Bill {
		if l.Billed > 0 {
			amounts = append(amounts, Quantity{Name: l.Resource, Amount: l.Billed, Unit: l.Unit})
		}
	}
	return amounts
}

// bill is an attempt's charges and what became of them, in order of their first
// appearance.
type bill []BillLine

func (b *bill) line(q Quantity) *BillLine {
	for i := range *b {
		if l := &(*b)[i]; l.Resource == q.Name && l.Unit == q.Unit {
			return l
		}
	}
	*b = append(*b, BillLine{Resource: q.Name, Unit: q.Unit})
	return &(*b)[len(*b)-1]
}

// reprice makes charges what is due, and nothing else.
func (b *bill) reprice(charges []Quantity) error {
	for i := range *b {
		(*b)[i].Due = 0
	}
	for _, q := range charges {
		if err := b.add(q.Name, q.Unit, q.Amount); err != nil {
			return err
		}
	}
	return nil
}

// giveBack returns an amount of what was billed, as a refund.
func (b *bill) giveBack(q Quantity) (err error) {
	l := b.line(q)
	if q.Amount > l.Billed {
		return fmt.Errorf("%s %s of %s can't be given back: %s are charged, after all that was given back before",
			q.Amount.Format(q.Unit), q.Unit, q.Name, l.Billed.Format(q.Unit))
	}
	l.Returned, err = l.Returned.Add(q.Amount)
	l.Billed -= q.Amount
	return err
}

// discount takes an amount off what is owed: first off what a limit kept from
// being billed, so that a price that fits into a limit with its discount does.
func (b *bill) discount(q Quantity) (err error) {
	l := b.line(q)
	waived := min(q.Amount, l.Unbilled)
	rest := q
	rest.Amount -= waived
	if err := b.giveBack(rest); err != nil {
		return err
	}
	l.Returned, err = l.Returned.Add(waived)
	l.Unbilled -= waived
	return err
}

// owing is what is to be billed if no limit forbids it. More may have been
// returned than is due by a later correction; then nothing is owed, and nothing
// is given back twice.
func (l BillLine) owing() Amount { return max(0, l.Due-l.Returned) }

// quantity is some amount of the line's resource.
func (l BillLine) quantity(a Amount) Quantity { return Quantity{l.Resource, a, l.Unit} }

// settle brings what is billed to what is owed, as far as the hard limits of
// the attempt's owners leave room for more, and posts the differences to the
// bill that the attempt has had. It returns what changed of what is owed.
func (s *state) settle(h *attemptHead, next bill, row entryRow) (changes []Quantity, err error) {
	before := h.bill()
	by := overdraftRow{Session: h.Session, Ref: h.HistoryRef, Node: h.Node, Time: row.Time, Apart: h.Apart, cause: string(h.HistoryRef)}
	for i := range next {
		l := &next[i]
		switch more := l.owing() - l.Billed - l.Unbilled; {
		case more > 0:
			room, _, err := s.room(h.Owners, h.Period, l.quantity(more))
			if err != nil {
				return nil, err
			}
			l.Billed += room
			l.Unbilled += more - room
		case more < 0: // what was never billed goes first
			waived := min(-more, l.Unbilled)
			l.Unbilled -= waived
			l.Billed += more + waived
		}
		old := before.line(l.quantity(0))
		if err := s.post(h.posting(Unbilled, row), []Quantity{l.quantity(l.Unbilled - old.Unbilled)}); err != nil {
			return nil, err
		}
		billed := l.quantity(l.Billed - old.Billed)
		if err := s.post(h.posting(Charged, row), []Quantity{billed}); err != nil {
			return nil, err
		}
		if owed := billed.Amount + l.Unbilled - old.Unbilled; owed != 0 {
			changes = append(changes, l.quantity(owed))
		}
		if err := s.roll(h.Owners, h.Period, Charged, billed, by); err != nil {
			return nil, err
		}
	}
	h.Bill = next
	return changes, nil
}

// plain reports whether all that is due was billed, and nothing returned.
func (b bill) plain() bool {
	return !slices.ContainsFunc(b, func(l BillLine) bool { return l.Billed != l.Due })
}

// differences are the amounts by which one list of quantities is more than
// another, of each resource.
func differences(before, after []Quantity) ([]Quantity, error) {
	var sums bill // of which only Due is used
	for _, q := range before {
		if err := sums.add(q.Name, q.Unit, -q.Amount); err != nil {
			return nil, err
		}
	}
	for _, q := range after {
		if err := sums.add(q.Name, q.Unit, q.Amount); err != nil {
			return nil, err
		}
	}
	var changes []Quantity
	for _, l := range sums {
		changes = append(changes, l.quantity(l.Due))
	}
	return changes, nil
}

func (b *bill) add(name Resource, unit Unit, a Amount) (err error) {
	l := b.line(Quantity{Name: name, Unit: unit})
	l.Due, err = l.Due.Add(a)
	return err
}

// billLineJSON is a line on the wire.
type billLineJSON struct {
	Resource Resource `json:"resource"`
	Unit     Unit     `json:"unit,omitempty"`
	Due      Decimal  `json:"due"`
	Returned Decimal  `json:"returned,omitempty"`
	Billed   Decimal  `json:"billed"`
	Unbilled Decimal  `json:"unbilled,omitempty"`
}

// MarshalJSONTo writes the amounts as canonical decimal strings.
func (l BillLine) MarshalJSONTo(to *jsontext.Encoder) error {
	wire := billLineJSON{Resource: l.Resource, Unit: l.Unit, Due: l.Due.Format(l.Unit), Billed: l.Billed.Format(l.Unit)}
	if l.Returned != 0 {
		wire.Returned = l.Returned.Format(l.Unit)
	}
	if l.Unbilled != 0 {
		wire.Unbilled = l.Unbilled.Format(l.Unit)
	}
	return json.MarshalEncode(to, wire)
}

// UnmarshalJSONFrom reads what MarshalJSONTo wrote.
func (l *BillLine) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	var wire billLineJSON
	if err := json.UnmarshalDecode(from, &wire); err != nil {
		return err
	}
	read := BillLine{Resource: wire.Resource, Unit: wire.Unit}
	for _, part := range []struct {
		text Decimal
		into *Amount
	}{{wire.Due, &read.Due}, {wire.Returned, &read.Returned}, {wire.Billed, &read.Billed}, {wire.Unbilled, &read.Unbilled}} {
		if part.text == "" {
			continue
		}
		var err error
		if *part.into, err = ParseAmount(string(part.text), wire.Unit); err != nil {
			return err
		}
	}
	*l = read
	return nil
}

// MarshalJSON is for the first version of Go's JSON library.
func (l BillLine) MarshalJSON() ([]byte, error) { return encodeJSON(l) }

// UnmarshalJSON is for the first version of Go's JSON library.
func (l *BillLine) UnmarshalJSON(data []byte) error { return decodeJSON(data, l) }
