package accounting

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// day is the price factor over the day, UTC: steps in order, the first at
// midnight, each good until the next.
type day []step

type step struct {
	from   time.Duration // since midnight
	factor *big.Rat
}

const dayLength = 24 * time.Hour

// newDay cuts the day where the configured times begin and end.
func newDay(config []DailyConfig) (day, error) {
	type span struct {
		from, to time.Duration
		factor   *big.Rat
	}
	var spans []span
	for i, c := range config {
		from, err := timeOfDay(c.From)
		if err != nil {
			return nil, fmt.Errorf("daily[%d].from: %w", i, err)
		}
		to, err := timeOfDay(c.To)
		if err != nil {
			return nil, fmt.Errorf("daily[%d].to: %w", i, err)
		}
		factor, err := configNumber("factor", c.Factor, nil)
		if err != nil || factor == nil {
			return nil, invalid(fmt.Sprintf("daily[%d].factor", i), "%.40q is not a decimal number of at least 0", c.Factor)
		}
		if to > from {
			spans = append(spans, span{from, to, factor})
			continue
		}
		spans = append(spans, span{from, dayLength, factor}) // over midnight
		if to > 0 {
			spans = append(spans, span{0, to, factor})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	var d day
	at := time.Duration(0)
	for _, s := range spans {
		if s.from < at {
			return nil, invalid("daily", "two of the times overlap at %v after midnight", s.from)
		}
		if s.from > at {
			d = d.append(at, big.NewRat(1, 1))
		}
		d = d.append(s.from, s.factor)
		at = s.to
	}
	if at < dayLength {
		d = d.append(at, big.NewRat(1, 1))
	}
	return d, nil
}

// append adds a step, unless the price goes on as it was.
func (d day) append(from time.Duration, factor *big.Rat) day {
	if len(d) > 0 && d[len(d)-1].factor.Cmp(factor) == 0 {
		return d
	}
	return append(d, step{from, factor})
}

func timeOfDay(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, invalid("time", "%.40q is not HH:MM", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// since is how far into its day a time is. Days of UTC are counted as 24 hours,
// as Unix time does.
func since(t time.Time) (midnight time.Time, d time.Duration) {
	midnight = t.UTC().Truncate(dayLength)
	return midnight, t.Sub(midnight)
}

// at is the factor of a time of day.
func (d day) at(t time.Duration) *big.Rat {
	factor := d[0].factor
	for _, s := range d {
		if s.from > t {
			break
		}
		factor = s.factor
	}
	return factor
}

// mean is the factor over a span, weighted by time; that of the start if the
// span is empty. Whole days in the middle count as a multiple of one.
func (d day) mean(start, end time.Time) *big.Rat {
	_, from := since(start)
	total := end.Sub(start)
	if total <= 0 || len(d) == 1 {
		return d.at(from)
	}
	sum := d.integral(from + total%dayLength)
	sum.Sub(sum, d.integral(from))
	whole := d.integral(dayLength)
	sum.Add(sum, whole.Mul(whole, big.NewRat(int64(total/dayLength), 1)))
	return sum.Quo(sum, big.NewRat(int64(total), 1))
}

// integral is factor × nanoseconds from midnight to t, which may be tomorrow.
func (d day) integral(t time.Duration) *big.Rat {
	sum := new(big.Rat)
	for midnight := time.Duration(0); midnight < t; midnight += dayLength {
		for i, s := range d {
			until := dayLength
			if i+1 < len(d) {
				until = d[i+1].from
			}
			until = min(until, t-midnight)
			if until > s.from {
				part := big.NewRat(int64(until-s.from), 1)
				sum.Add(sum, part.Mul(part, s.factor))
			}
		}
	}
	return sum
}

// changes are the times at which the factor becomes another.
func (d day) changes(from, until time.Time) []time.Time {
	if len(d) == 1 {
		return nil
	}
	var times []time.Time
	midnight, _ := since(from)
	for ; midnight.Before(until); midnight = midnight.Add(dayLength) {
		for i, s := range d {
			if i == 0 && s.factor.Cmp(d[len(d)-1].factor) == 0 {
				continue // the night goes on over midnight
			}
			at := midnight.Add(s.from)
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
