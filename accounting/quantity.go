package accounting

import (
	"math/big"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Resource is what is counted: "core-seconds", "dark-time", "monetary".
type Resource string

// A Unit is what it is counted in: "s", "GiB s", "EUR".
type Unit string

// Bytes is the one unit that has no parts. It is read from "bytes" and "byte"
// too.
const Bytes Unit = "B"

// places is how many decimal places of the unit are kept.
func (u Unit) places() int {
	if u == Bytes {
		return 0
	}
	return 6
}

func canonicalUnit(name string) Unit {
	switch name {
	case "bytes", "byte":
		return Bytes
	}
	return Unit(name)
}

// A Quantity is an amount of a resource: one that was used, held or charged.
//
// In JSON it is {"name", "amount", "unit"}; the amount is written as a decimal
// string and read from a string or a number.
type Quantity struct {
	Name   Resource
	Amount Amount
	Unit   Unit
}

// NewQuantity reads the amount from a decimal number.
func NewQuantity(name Resource, amount string, unit Unit) (Quantity, error) {
	unit = canonicalUnit(string(unit))
	a, err := ParseAmount(amount, unit)
	return Quantity{Name: name, Amount: a, Unit: unit}, err
}

// Value is the amount as a number, for people to compare and for cost models to
// reckon with; sums are made of amounts.
func (q Quantity) Value() float64 { return float64(q.Amount) / float64(pow10(q.Unit.places())) }

// Times is a multiple of the amount, rounded half to even, or ErrOverflow.
func (q Quantity) Times(factor *big.Rat) (Amount, error) {
	exact := big.NewRat(int64(q.Amount), pow10(q.Unit.places()))
	return roundRat(exact.Mul(exact, factor), q.Unit)
}

// Validate says what of a quantity the ledger would not take.
func (q Quantity) Validate() error { return validateQuantities("quantity", "resource", []Quantity{q}) }

// quantityJSON is a quantity on the wire.
type quantityJSON struct {
	Name   Resource `json:"name"`
	Amount Decimal  `json:"amount"`
	Unit   Unit     `json:"unit,omitempty"`
}

// MarshalJSONTo writes the amount as a canonical decimal string.
func (q Quantity) MarshalJSONTo(to *jsontext.Encoder) error {
	return json.MarshalEncode(to, quantityJSON{Name: q.Name, Amount: q.Amount.Format(q.Unit), Unit: q.Unit})
}

// UnmarshalJSONFrom reads the amount from a string or a number.
func (q *Quantity) UnmarshalJSONFrom(from *jsontext.Decoder) error {
	var wire struct {
		Name   Resource       `json:"name"`
		Amount jsontext.Value `json:"amount"`
		Unit   Unit           `json:"unit"`
	}
	if err := json.UnmarshalDecode(from, &wire); err != nil {
		return err
	}
	text := wire.Amount
	if text.Kind() == '"' {
		var err error
		if text, err = jsontext.AppendUnquote(nil, text); err != nil {
			return err
		}
	}
	read, err := NewQuantity(wire.Name, string(text), wire.Unit)
	if err != nil {
		return err
	}
	*q = read
	return nil
}

// MarshalJSON is for the first version of Go's JSON library.
func (q Quantity) MarshalJSON() ([]byte, error) { return encodeJSON(q) }

// UnmarshalJSON is for the first version of Go's JSON library.
func (q *Quantity) UnmarshalJSON(data []byte) error { return decodeJSON(data, q) }

// Bounds of a list of quantities in a command.
const (
	MaxQuantities   = 256
	maxResourceName = 128 // bytes
	maxUnitName     = 32  // bytes
)

// validateQuantities: nobody uses or owes less than nothing; corrections will
// be commands of their own.
func validateQuantities(subject, what string, list []Quantity) error {
	if len(list) > MaxQuantities {
		return invalid(subject, "%d %s; at most %d", len(list), what, MaxQuantities)
	}
	for _, q := range list {
		if err := validateName(subject, what+" name", string(q.Name), maxResourceName); err != nil {
			return err
		}
		if len(q.Unit) > maxUnitName || !printable(string(q.Unit)) {
			return invalid(subject, "unit %.40q of %s", string(q.Unit), q.Name)
		}
		if q.Amount < 0 {
			return invalid(subject, "%s of %s is below zero", q.Amount.Format(q.Unit), q.Name)
		}
	}
	return nil
}
