package ivoa

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Interval is a span of time between two instants in UTC. It may be reversed:
// whoever uses it checks.
type Interval struct {
	Start, End time.Time
}

// Length is the time from start to end, at most some 292 years either way.
func (i Interval) Length() time.Duration { return i.End.Sub(i.Start) }

// Reversed reports whether the interval ends before it starts.
func (i Interval) Reversed() bool { return i.End.Before(i.Start) }

// ParseInterval reads an ISO 8601 interval: two instants, or an instant and a
// duration in either order, whose years and months follow the calendar from
// that instant. A date without a time is its first instant, at either end.
func ParseInterval(s string) (Interval, error) {
	first, second, found := strings.Cut(s, "/")
	if !found {
		return Interval{}, fmt.Errorf("%w: %q is not an interval, as 2026-12-01T00:00:00Z/P1D is", ErrISO8601, clip(s))
	}
	i, err := parseEnds(first, second)
	if err != nil {
		return Interval{}, fmt.Errorf("interval %q: %w", clip(s), err)
	}
	return i, nil
}

func parseEnds(first, second string) (Interval, error) {
	switch {
	case isDuration(first) && isDuration(second):
		return Interval{}, fmt.Errorf("%w: one end must be a date", ErrISO8601)
	case isDuration(first):
		end, err := ParseInstant(second)
		if err != nil {
			return Interval{}, err
		}
		start, err := fromAnchor(first, end, Period.Before)
		return Interval{start, end}, err
	case isDuration(second):
		start, err := ParseInstant(first)
		if err != nil {
			return Interval{}, err
		}
		end, err := fromAnchor(second, start, Period.After)
		return Interval{start, end}, err
	}
	start, err := ParseInstant(first)
	if err != nil {
		return Interval{}, err
	}
	end, err := ParseInstant(second)
	return Interval{start, end}, err
}

func isDuration(s string) bool {
	return strings.HasPrefix(s, "P") || strings.HasPrefix(s, "-P")
}

// fromAnchor moves from an interval's known end to the other by a duration,
// which may not be negative here: the schema's pattern admits no sign.
func fromAnchor(s string, anchor time.Time, move func(Period, time.Time) (time.Time, error)) (time.Time, error) {
	p, err := ParsePeriod(s)
	if err != nil {
		return time.Time{}, err
	}
	if p.Negative {
		return time.Time{}, fmt.Errorf("%w in an interval", ErrNegative)
	}
	return move(p, anchor)
}

// ParseInstant reads a date, or a date and a time with or without seconds,
// fraction and zone: 2023-08-09, 2023-08-09T12:00, 2023-08-09T12:00:00.5+01:00.
// Without a zone the time is UTC. The result is in UTC, cut to the millisecond.
func ParseInstant(s string) (time.Time, error) {
	date, clock, timed := strings.Cut(s, "T")
	t, err := parseDate(date)
	if err != nil {
		return time.Time{}, err
	}
	if !timed {
		return t, nil
	}
	clock, offset, err := cutZone(clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("instant %q: %w", clip(s), err)
	}
	since, err := parseClock(clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("instant %q: %w", clip(s), err)
	}
	t = t.Add(since - offset)
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}, fmt.Errorf("%w: %q is outside the years 1 to 9999", ErrTooLong, clip(s))
	}
	return t, nil
}

func parseDate(s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return time.Time{}, fmt.Errorf("%w: %q is not a date, as 2026-12-01 is", ErrISO8601, clip(s))
	}
	return t, nil
}

// cutZone takes the zone off a time of day and returns its offset from UTC.
func cutZone(s string) (clock string, offset time.Duration, err error) {
	if clock, ok := strings.CutSuffix(s, "Z"); ok {
		return clock, 0, nil
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 0 {
		return s, 0, nil
	}
	zone := s[at+1:]
	if len(zone) != 5 || zone[2] != ':' {
		return "", 0, fmt.Errorf("%w: the zone %q is not of the form +01:00", ErrISO8601, clip(s[at:]))
	}
	hours, err := twoDigits(zone[:2], 23)
	if err != nil {
		return "", 0, err
	}
	minutes, err := twoDigits(zone[3:], 59)
	if err != nil {
		return "", 0, err
	}
	offset = hours*time.Hour + minutes*time.Minute
	if s[at] == '-' {
		offset = -offset
	}
	return s[:at], offset, nil
}

// parseClock reads hh:mm, hh:mm:ss or hh:mm:ss.f….
func parseClock(s string) (time.Duration, error) {
	whole, fraction, pointed := strings.Cut(s, ".")
	parts := strings.Split(whole, ":")
	if len(parts) < 2 || len(parts) > 3 || pointed && (len(parts) != 3 || fraction == "" || digits(fraction) != len(fraction)) {
		return 0, fmt.Errorf("%w: %q is not a time of day, as 12:00:00 is", ErrISO8601, clip(s))
	}
	units := [3]time.Duration{time.Hour, time.Minute, time.Second}
	most := [3]int{23, 59, 59}
	var since time.Duration
	for i, part := range parts {
		n, err := twoDigits(part, most[i])
		if err != nil {
			return 0, err
		}
		since += n * units[i]
	}
	if pointed {
		since += milliseconds(fraction)
	}
	return since, nil
}

func twoDigits(s string, most int) (time.Duration, error) {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) != 2 || digits(s) != 2 || n > most {
		return 0, fmt.Errorf("%w: %q is not a number from 00 to %d", ErrISO8601, clip(s), most)
	}
	return time.Duration(n), nil
}

// FormatInstant writes an instant as RFC 3339 in UTC with milliseconds.
func FormatInstant(t time.Time) string { return t.UTC().Format(instantLayout) }

// FormatInterval writes an interval as its two instants.
func FormatInterval(i Interval) string {
	return FormatInstant(i.Start) + "/" + FormatInstant(i.End)
}
