package ivoa

import (
	"errors"
	"math"
	"reflect"
	"strconv"
)

// scalar sets a text, number, truth value or instant.
func (b *binder) scalar(s *shape, n *node, v reflect.Value) error {
	switch s.form {
	case textForm:
		return b.text(n, v)
	case boolForm:
		if n.form != boolForm {
			return b.want(boolForm, n)
		}
		v.SetBool(n.text[0]|0x20 == 't') // YAML admits True and TRUE
		return nil
	case intForm:
		return b.integer(s, n, v)
	case floatForm:
		return b.float(n, v)
	default:
		return b.instant(n, v)
	}
}

// text takes numbers and truth values as they were written: clients write
// command: [60, 0] and VERSION: 1.10.
func (b *binder) text(n *node, v reflect.Value) error {
	switch n.form {
	case textForm, numberForm, boolForm:
		v.SetString(n.text)
		return nil
	}
	return b.want(textForm, n)
}

// integer takes whole numbers in any notation, 2.0 and 1e3 too, as long as they
// fit.
func (b *binder) integer(s *shape, n *node, v reflect.Value) error {
	if n.form != numberForm {
		return b.want(intForm, n)
	}
	i, err := strconv.ParseInt(n.number, 10, s.bits)
	if errors.Is(err, strconv.ErrSyntax) {
		i, err = wholeNumber(n.number, s.bits)
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return b.fail(n, clip(n.text)+" is too large or too small for a whole number of "+strconv.Itoa(s.bits)+" bits")
	case err != nil:
		return b.want(intForm, n)
	}
	v.SetInt(i)
	return nil
}

// wholeNumber reads a number with a fraction or an exponent. Beyond 2⁵³ such a
// number isn't exact, and refused.
func wholeNumber(text string, bits int) (int64, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	if f != math.Trunc(f) {
		return 0, strconv.ErrSyntax
	}
	if math.Abs(f) >= math.Ldexp(1, min(53, bits-1)) {
		return 0, strconv.ErrRange
	}
	return int64(f), nil
}

func (b *binder) float(n *node, v reflect.Value) error {
	if n.form != numberForm {
		return b.want(floatForm, n)
	}
	f, err := strconv.ParseFloat(n.number, 64)
	if err != nil || math.IsInf(f, 0) {
		return b.fail(n, clip(n.text)+" is too large for a number")
	}
	v.SetFloat(f)
	return nil
}

func (b *binder) instant(n *node, v reflect.Value) error {
	if n.form != textForm {
		return b.want(timeForm, n)
	}
	t, err := parseTime(n.text)
	if err != nil {
		return b.fail(n, err.Error())
	}
	*v.Addr().Interface().(*Time) = t
	return nil
}
