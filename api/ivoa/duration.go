package ivoa

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxDuration bounds every duration on the wire: ten years, leap days included.
const MaxDuration = 3653 * 24 * time.Hour

const day = 24 * time.Hour

// Errors of durations and intervals; those returned wrap one of them.
var (
	// ErrISO8601 means text that isn't of the form asked for.
	ErrISO8601 = errors.New("not ISO 8601")
	// ErrTooLong means a duration beyond MaxDuration, or an instant beyond the years 1 to 9999.
	ErrTooLong = errors.New("out of bounds")
	// ErrCalendar means years or months where no date says how long they are.
	ErrCalendar = errors.New("years and months have no fixed length")
	// ErrNegative means a duration that runs backwards.
	ErrNegative = errors.New("a negative duration")
)

// ParseDuration reads an ISO 8601 duration of fixed length, which may be
// negative: see CheckDuration. Years and months are refused with ErrCalendar.
func ParseDuration(s string) (time.Duration, error) {
	p, err := ParsePeriod(s)
	if err != nil {
		return 0, err
	}
	d, err := p.Fixed()
	if err != nil {
		return 0, fmt.Errorf("duration %q: %w", clip(s), err)
	}
	return d, nil
}

// CheckDuration refuses a duration that runs backwards, with ErrNegative.
func CheckDuration(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%w: %s ends before it begins", ErrNegative, FormatDuration(d))
	}
	return nil
}

// FormatDuration writes a duration to the millisecond in days, hours, minutes
// and seconds, none of them zero: P1DT2H, PT30M, PT1.5S, PT0S. A day is 24
// hours. Weeks, months and years are never written, since java.time.Duration,
// which clients of the reference use, doesn't read them.
func FormatDuration(d time.Duration) string {
	var b strings.Builder
	if d = d.Truncate(time.Millisecond); d < 0 {
		b.WriteByte('-')
		d = -d
	}
	b.WriteByte('P')
	if days := d / day; days > 0 {
		fmt.Fprintf(&b, "%dD", days)
	}
	clock := d % day
	if clock == 0 && d != 0 {
		return b.String()
	}
	b.WriteByte('T')
	if hours := clock / time.Hour; hours > 0 {
		fmt.Fprintf(&b, "%dH", hours)
	}
	if minutes := clock % time.Hour / time.Minute; minutes > 0 {
		fmt.Fprintf(&b, "%dM", minutes)
	}
	if seconds := clock % time.Minute; seconds > 0 || d == 0 {
		text := fmt.Sprintf("%d.%03d", seconds/time.Second, seconds%time.Second/time.Millisecond)
		b.WriteString(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
		b.WriteByte('S')
	}
	return b.String()
}
