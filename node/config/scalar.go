package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseScalar reads text as a value of a type and holds it to its bounds.
func parseScalar(text string, t reflect.Type, b bounds) (reflect.Value, error) {
	value, err := parseText(text, t)
	if err != nil {
		return value, err
	}
	return value, b.check(text, value)
}

func parseText(text string, t reflect.Type) (reflect.Value, error) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return valueOf(parseDuration(text))
	case reflect.TypeFor[Size]():
		return valueOf(parseSize(text))
	case reflect.TypeFor[Bandwidth]():
		return valueOf(parseBandwidth(text))
	case reflect.TypeFor[Decimal]():
		return valueOf(parseDecimal(text))
	case reflect.TypeFor[Clock]():
		return valueOf(parseClock(text))
	case reflect.TypeFor[GroupPattern]():
		return valueOf(parseGroupPattern(text))
	case reflect.TypeFor[Moment]():
		return valueOf(parseMoment(text))
	}
	value := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		value.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return value, fmt.Errorf("%q is neither true nor false", text)
		}
		value.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return value, fmt.Errorf("%q is not a whole number", text)
		}
		value.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != f {
			return value, fmt.Errorf("%q is not a number", text)
		}
		value.SetFloat(f)
	default:
		return value, fmt.Errorf("can only be set in the configuration file")
	}
	return value, nil
}

func valueOf[T any](v T, err error) (reflect.Value, error) { return reflect.ValueOf(v), err }

// check holds a value to its bounds. Bounds are written like values.
func (b bounds) check(text string, value reflect.Value) error {
	if len(b.oneof) > 0 {
		return b.checkName(text)
	}
	if b.min == "" && b.max == "" {
		return nil
	}
	least, err := parseText(b.min, value.Type())
	if err != nil {
		return fmt.Errorf("bound: %w", err)
	}
	most, err := parseText(b.max, value.Type())
	if err != nil {
		return fmt.Errorf("bound: %w", err)
	}
	if compare(value, least) < 0 || compare(value, most) > 0 {
		return fmt.Errorf("%s is out of bounds; it must be from %s to %s", text, b.min, b.max)
	}
	return nil
}

func (b bounds) checkName(text string) error {
	if slices.Contains(b.oneof, text) {
		return nil
	}
	return fmt.Errorf("%q is unknown; it must be %s", text, alternatives(b.oneof))
}

func compare(a, b reflect.Value) int {
	if a.CanFloat() {
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(a.Int(), b.Int())
}

// alternatives lists names as a sentence does: "text or json".
func alternatives(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
