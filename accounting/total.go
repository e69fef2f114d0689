package accounting

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// A Total is a sum of amounts, 128 bits wide: a balance. 2^63 amounts of the
// greatest size still fit.
type Total struct {
	high int64
	low  uint64
}

// Add is the total with an amount added, or ErrOverflow.
func (t Total) Add(a Amount) (Total, error) {
	return t.plus(TotalOf(a))
}

// TotalOf is an amount as a total.
func TotalOf(a Amount) Total { return Total{high: int64(a) >> 63, low: uint64(a)} }

// Minus is the total without another, or ErrOverflow.
func (t Total) Minus(o Total) (Total, error) {
	low, borrow := bits.Sub64(t.low, o.low, 0)
	high := int64(uint64(t.high) - uint64(o.high) - borrow)
	if (t.high < 0) != (o.high < 0) && (high < 0) != (t.high < 0) {
		return Total{}, overflow("", fmt.Sprintf("balance %s - %s", t.int(), o.int()))
	}
	return Total{high: high, low: low}, nil
}

// Cmp is below, at or above zero as the total is to another.
func (t Total) Cmp(o Total) int {
	if c := cmp.Compare(t.high, o.high); c != 0 {
		return c
	}
	return cmp.Compare(t.low, o.low)
}

// amount is a total that is known to be no greater than some amount; one that
// is below the least amount is that.
func (t Total) amount() Amount {
	if t.high < 0 && (t.high != -1 || int64(t.low) >= 0) {
		return -math.MaxInt64
	}
	return Amount(t.low)
}

func (t Total) plus(o Total) (Total, error) {
	low, carry := bits.Add64(t.low, o.low, 0)
	high := int64(uint64(t.high) + uint64(o.high) + carry)
	if (t.high < 0) == (o.high < 0) && (high < 0) != (t.high < 0) {
		return Total{}, overflow("", fmt.Sprintf("balance %s + %s", t.int(), o.int()))
	}
	return Total{high: high, low: low}, nil
}

// IsZero reports whether everything cancelled.
func (t Total) IsZero() bool { return t == Total{} }

// Format writes the total as a canonical decimal number of the unit.
func (t Total) Format(unit Unit) Decimal {
	n := t.int()
	return formatScaled(new(big.Int).Abs(n).String(), n.Sign() < 0, unit.places())
}

func (t Total) int() *big.Int {
	n := big.NewInt(t.high)
	n.Lsh(n, 64)
	return n.Add(n, new(big.Int).SetUint64(t.low))
}

// totalBytes is the stored size of a total.
const totalBytes = 16

func (t Total) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(t.high))
	return binary.BigEndian.AppendUint64(to, t.low)
}

func totalOf(b []byte) Total {
	return Total{high: int64(binary.BigEndian.Uint64(b)), low: binary.BigEndian.Uint64(b[8:])}
}
