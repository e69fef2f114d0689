package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes, written with or without a binary unit: 1MiB.
type Size int64

// Units of sizes.
const (
	KiB Size = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
	PiB
)

var sizeUnits = []struct {
	name string
	size Size
}{{"PiB", PiB}, {"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

func parseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		return 0, fmt.Errorf("%q is not a size; write bytes, or use KiB, MiB, GiB, TiB: 1MiB", text)
	}
	return Size(n) * unit, nil
}

// Decimal is a number as it was written, so that a price stays exact.
type Decimal string

func parseDecimal(text string) (Decimal, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(text, "xXpP_") {
		return "", fmt.Errorf("%q is not a decimal number, as 0.0025 is", text)
	}
	if f < 0 || len(text) > 64 {
		return "", fmt.Errorf("%q is out of range; it must be 0 or more, in at most 64 characters", text)
	}
	return Decimal(text), nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err == nil:
		return d, nil
	case isNumber(text):
		return 0, fmt.Errorf("%q has no unit; write %ss for seconds, or use m and h", text, text)
	default:
		return 0, fmt.Errorf("%q is not a duration; write it as 300s, 5m or 1h30m", text)
	}
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// formatDuration is Duration.String without the zeros at its end: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Clock is a time of day: "22:00".
type Clock string

func parseClock(text string) (Clock, error) {
	if _, err := time.Parse("15:04", text); err != nil || len(text) != len("15:04") {
		return "", fmt.Errorf("%q is not a time of day; write it in quotes, as \"22:00\"", text)
	}
	return Clock(text), nil
}
