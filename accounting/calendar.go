package accounting

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours are a time of some days of the week, UTC, as configuration writes them.
// From 22:00 to 06:00 is the night that begins on those days; from 00:00 to
// 00:00 the whole of them.
type Hours struct {
	From string   `json:"from"`           // HH:MM
	To   string   `json:"to"`             // HH:MM, not included
	Days []string `json:"days,omitempty"` // mon, tue, …; none is every day
}

// A Calendar cuts the week into bands, in which prices differ. It never changes.
type Calendar struct {
	steps []step // in order, the first at 0, each good until the next
	bands int
}

type step struct {
	from time.Duration // since Monday, 00:00
	band int
}

const (
	dayLength  = 24 * time.Hour
	weekLength = 7 * dayLength
)

// weekdays are the names of days in a configuration.
var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// NewCalendar makes a band of each of the hours, by their index; what is in none
// of them is the last band, len(hours). The error names the entry: "[1].from".
func NewCalendar(hours []Hours) (Calendar, error) {
	type span struct {
		from, to time.Duration
		band     int
	}
	var spans []span
	for i, h := range hours {
		from, err := timeOfDay(h.From)
		if err != nil {
			return Calendar{}, fmt.Errorf("[%d].from: %w", i, err)
		}
		to, err := timeOfDay(h.To)
		if err != nil {
			return Calendar{}, fmt.Errorf("[%d].to: %w", i, err)
		}
		if to <= from {
			to += dayLength
		}
		days := h.Days
		if len(days) == 0 {
			days = weekdays
		}
		for _, name := range days {
			n := slices.Index(weekdays, strings.ToLower(name))
			if n < 0 {
				return Calendar{}, fmt.Errorf("[%d].days: %w", i, invalid("day", "%.40q is none of %s", name, strings.Join(weekdays, ", ")))
			}
			begin := time.Duration(n) * dayLength
			spans = append(spans, span{begin + from, min(begin+to, weekLength), i})
			if begin+to > weekLength { // from Sunday into Monday
				spans = append(spans, span{0, begin + to - weekLength, i})
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	c := Calendar{bands: len(hours)}
	at := time.Duration(0)
	for _, s := range spans {
		if s.from < at {
			return Calendar{}, fmt.Errorf("[%d]: %w", s.band, invalid("hours", "two of the times overlap on %s", clockOf(s.from)))
		}
		if s.from > at {
			c.append(at, c.bands)
		}
		c.append(s.from, s.band)
		at = s.to
	}
	if at < weekLength {
		c.append(at, c.bands)
	}
	return c, nil
}

// append adds a step, unless the band goes on as it was.
func (c *Calendar) append(from time.Duration, band int) {
	if n := len(c.steps); n == 0 || c.steps[n-1].band != band {
		c.steps = append(c.steps, step{from, band})
	}
}

func timeOfDay(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, invalid("time", "%.40q is not HH:MM", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

func clockOf(d time.Duration) string {
	return fmt.Sprintf("%s, %02d:%02d", weekdays[d/dayLength], d%dayLength/time.Hour, d%time.Hour/time.Minute)
}

// since is how far into its week a time is. Days of UTC are counted as 24 hours,
// as Unix time does, and the first day of Go's time was a Monday.
func since(t time.Time) (monday time.Time, d time.Duration) {
	monday = t.UTC().Truncate(weekLength)
	return monday, t.Sub(monday)
}

// place is the index of the step that a time of the week falls into.
func (c Calendar) place(at time.Duration) int {
	i := len(c.steps) - 1
	for c.steps[i].from > at {
		i--
	}
	return i
}

func (c Calendar) until(i int) time.Duration {
	if i+1 < len(c.steps) {
		return c.steps[i+1].from
	}
	return weekLength
}

// Split is how much of the time from start to end falls into each band. A span
// of no length counts as its first nanosecond, so that something is in a band.
func (c Calendar) Split(start, end time.Time) []time.Duration {
	parts := make([]time.Duration, c.bands+1)
	total := max(1, end.Sub(start))
	if len(c.steps) == 1 {
		parts[c.steps[0].band] = total
		return parts
	}
	if weeks := total / weekLength; weeks > 0 {
		for i, s := range c.steps {
			parts[s.band] += weeks * (c.until(i) - s.from)
		}
	}
	_, from := since(start)
	i := c.place(from)
	for left := total % weekLength; left > 0; {
		part := min(c.until(i)-from, left)
		parts[c.steps[i].band] += part
		left -= part
		i = (i + 1) % len(c.steps)
		from = c.steps[i].from
	}
	return parts
}

// Changes lists the instants from <= t < until at which one band follows
// another, in order, at most MaxChanges.
func (c Calendar) Changes(from, until time.Time) []time.Time {
	if len(c.steps) == 1 {
		return nil
	}
	var times []time.Time
	for monday, _ := since(from); monday.Before(until); monday = monday.Add(weekLength) {
		for i, s := range c.steps {
			if i == 0 && s.band == c.steps[len(c.steps)-1].band {
				continue // Sunday night goes on
			}
			at := monday.Add(s.from)
			if at.Before(from) || !at.Before(until) {
				continue
			}
			if len(times) == MaxChanges {
				return times
			}
			times = append(times, at)
		}
	}
	return times
}
