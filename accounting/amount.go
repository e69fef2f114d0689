package accounting

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An Amount counts the smallest parts of a unit: single bytes, and millionths
// of everything else. The unit stands beside it, never in it. The least int64
// is not used, so that an amount can always be negated.
type Amount int64

// A Decimal is an amount as people and JSON write it: "612.5". Decimals that
// this package writes are canonical: no exponent, no plus sign, no zeros that
// say nothing.
type Decimal string

// maxDecimalDigits bounds what is read as a number. 2^63 has 19 digits; the
// rest is room for programs that print every digit of a float.
const maxDecimalDigits = 64

// ParseAmount reads a decimal number, with or without exponent, as an amount of
// the unit. What is finer than the unit's smallest part is rounded half to
// even; what does not fit is ErrOverflow.
func ParseAmount(text string, unit Unit) (Amount, error) {
	n, err := parseScaled(text, unit.places())
	return Amount(n), err
}

// Format writes the amount as a canonical decimal number of the unit.
func (a Amount) Format(unit Unit) Decimal {
	return formatScaled(strconv.FormatUint(magnitude(int64(a)), 10), a < 0, unit.places())
}

// Add is the sum of two amounts, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 || sum == math.MinInt64 {
		return 0, overflow("", fmt.Sprintf("%d + %d", a, b))
	}
	return sum, nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// parseScaled reads a decimal number times 10^places as an integer.
func parseScaled(text string, places int) (int64, error) {
	d, err := splitDecimal(text)
	if err != nil {
		return 0, err
	}
	// whole is how many of the digits stand before the point of the result.
	whole := d.point + places
	var n uint64
	for i := range whole {
		digit := d.digit(i)
		if n > (math.MaxInt64-digit)/10 {
			return 0, overflow("", fmt.Sprintf("number %s", text))
		}
		n = n*10 + digit
	}
	if d.roundsUp(whole, n%2 == 1) {
		if n == math.MaxInt64 {
			return 0, overflow("", fmt.Sprintf("number %s", text))
		}
		n++
	}
	if d.negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// decimal is the number 0.digits × 10^point.
type decimal struct {
	negative bool
	digits   string
	point    int
}

func splitDecimal(text string) (decimal, error) {
	bad := func() (decimal, error) {
		return decimal{}, invalid("", "%.40q is not a decimal number", text)
	}
	var d decimal
	rest := text
	if len(rest) > maxDecimalDigits {
		return bad()
	}
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		d.negative = rest[0] == '-'
		rest = rest[1:]
	}
	mantissa, exponent := rest, ""
	if e := strings.IndexAny(rest, "eE"); e >= 0 {
		mantissa, exponent = rest[:e], rest[e+1:]
		n, err := strconv.Atoi(exponent)
		if err != nil || n > 999 || n < -999 {
			return bad()
		}
		d.point = n
	}
	before, after, _ := strings.Cut(mantissa, ".")
	d.digits = before + after
	d.point += len(before)
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return bad()
	}
	return d, nil
}

// digit is the i-th digit; there are zeros without end after the last.
func (d decimal) digit(i int) uint64 {
	if i >= len(d.digits) {
		return 0
	}
	return uint64(d.digits[i] - '0')
}

// roundsUp decides about all digits from the i-th on, half to even.
func (d decimal) roundsUp(i int, odd bool) bool {
	if i < 0 || i >= len(d.digits) {
		return false // less than a tenth, or nothing at all
	}
	switch rest := strings.TrimRight(d.digits[i:], "0"); {
	case rest == "5":
		return odd
	default:
		return rest >= "5"
	}
}

// formatScaled puts the point into the digits of an integer.
func formatScaled(digits string, negative bool, places int) Decimal {
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	text := digits[:len(digits)-places]
	if fraction := strings.TrimRight(digits[len(digits)-places:], "0"); fraction != "" {
		text += "." + fraction
	}
	if negative && text != "0" {
		text = "-" + text
	}
	return Decimal(text)
}
