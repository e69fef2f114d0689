package ivoa

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Period is an ISO 8601 duration as its author meant it: months have the length
// that the calendar gives them from some date on, the rest is fixed. A day is 24
// hours, as all times here are UTC.
type Period struct {
	Months   int
	Span     time.Duration // to the millisecond, never negative
	Negative bool
}

// ParsePeriod reads any form of the schema's patterns: -P1Y2M3DT4H5M6.7S, P2W,
// and P1M2W, P1W1D and P1DT, whose meaning is plain; but a duration without any
// amount is refused. Fractions are of seconds only and are cut to
// the millisecond.
func ParsePeriod(s string) (Period, error) {
	rest, negative := strings.CutPrefix(s, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok {
		return Period{}, fmt.Errorf("%w: %q is not a duration, as PT30M is", ErrISO8601, clip(s))
	}
	p := Period{Negative: negative}
	date, clock, _ := strings.Cut(rest, "T")
	if date == "" && clock == "" {
		return Period{}, fmt.Errorf("%w: the duration %q has no amount", ErrISO8601, clip(s))
	}
	if err := p.add(date, dateUnits); err != nil {
		return Period{}, fmt.Errorf("duration %q: %w", clip(s), err)
	}
	if err := p.add(clock, clockUnits); err != nil {
		return Period{}, fmt.Errorf("duration %q: %w", clip(s), err)
	}
	return p, nil
}

// unit is one unit of a duration: some months, or a fixed span.
type unit struct {
	symbol byte
	months int64
	span   time.Duration
}

// The units before and after the T, in the order in which they stand.
var (
	dateUnits  = []unit{{'Y', 12, 0}, {'M', 1, 0}, {'W', 0, 7 * day}, {'D', 0, day}}
	clockUnits = []unit{{'H', 0, time.Hour}, {'M', 0, time.Minute}, {'S', 0, time.Second}}
)

// add reads amounts whose units come from those allowed, in that order, each at
// most once.
func (p *Period) add(text string, units []unit) error {
	for text != "" {
		a, rest, err := nextAmount(text)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(units, func(u unit) bool { return u.symbol == a.symbol })
		if at < 0 {
			return fmt.Errorf("%w: the unit in %q is unknown or out of order", ErrISO8601, clip(text))
		}
		if a.pointed && a.symbol != 'S' {
			return fmt.Errorf("%w: only seconds may have a fraction", ErrISO8601)
		}
		if err := p.count(units[at], a); err != nil {
			return err
		}
		text, units = rest, units[at+1:]
	}
	return nil
}

// maxMonths is MaxDuration in months.
const maxMonths = 120

func (p *Period) count(u unit, a amount) error {
	tooLong := fmt.Errorf("%w: more than ten years", ErrTooLong)
	if u.months > 0 {
		months := a.whole * u.months // whole is below 10¹²
		if months > maxMonths-int64(p.Months) {
			return tooLong
		}
		p.Months += int(months)
		return nil
	}
	if a.whole > int64(MaxDuration/u.span) {
		return tooLong
	}
	p.Span += time.Duration(a.whole)*u.span + a.fraction
	if p.Span > MaxDuration {
		return tooLong
	}
	return nil
}

// amount is a number of some unit: 3 of D, 6.7 of S.
type amount struct {
	whole    int64
	pointed  bool // it has a decimal point
	fraction time.Duration
	symbol   byte
}

// nextAmount cuts the next amount from text.
func nextAmount(text string) (a amount, rest string, err error) {
	end := digits(text)
	if end == 0 {
		return a, "", fmt.Errorf("%w: a number is missing before %q", ErrISO8601, clip(text))
	}
	if a.whole, err = parseWhole(text[:end]); err != nil {
		return a, "", err
	}
	if rest, a.pointed = strings.CutPrefix(text[end:], "."); a.pointed {
		n := digits(rest)
		if n == 0 {
			return a, "", fmt.Errorf("%w: digits are missing after the point", ErrISO8601)
		}
		a.fraction, rest = milliseconds(rest[:n]), rest[n:]
	}
	if rest == "" {
		return a, "", fmt.Errorf("%w: the unit is missing after %q", ErrISO8601, clip(text))
	}
	a.symbol = rest[0]
	return a, rest[1:], nil
}

// parseWhole reads a whole number below 10¹², which bounds every unit safely.
func parseWhole(text string) (int64, error) {
	text = strings.TrimLeft(text, "0")
	if len(text) > 12 {
		return 0, fmt.Errorf("%w: more than ten years", ErrTooLong)
	}
	if text == "" {
		return 0, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

// milliseconds reads the digits after a decimal point, cut to three.
func milliseconds(text string) time.Duration {
	n, _ := strconv.Atoi((text + "00")[:3])
	return time.Duration(n) * time.Millisecond
}

func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// clip shortens text that goes into a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// After returns the instant the period after t, by the calendar: a month after
// 31 January is 3 March, as Go's AddDate has it.
func (p Period) After(t time.Time) (time.Time, error) { return p.shift(t, 1) }

// Before returns the instant the period before t, by the calendar.
func (p Period) Before(t time.Time) (time.Time, error) { return p.shift(t, -1) }

func (p Period) shift(t time.Time, sign int) (time.Time, error) {
	if p.Negative {
		sign = -sign
	}
	shifted := t.UTC().AddDate(0, sign*p.Months, 0).Add(time.Duration(sign) * p.Span)
	if y := shifted.Year(); y < 1 || y > 9999 {
		return time.Time{}, fmt.Errorf("%w: the interval leaves the years 1 to 9999", ErrTooLong)
	}
	return shifted, nil
}

// Fixed returns the period's length where no date is known: years and months
// are refused, as a broker that guessed their length would bill for the guess.
func (p Period) Fixed() (time.Duration, error) {
	if p.Months != 0 {
		return 0, fmt.Errorf("%w: give the duration in days", ErrCalendar)
	}
	if p.Negative {
		return -p.Span, nil
	}
	return p.Span, nil
}
