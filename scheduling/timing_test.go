package scheduling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTimingsNextWindow(t *testing.T) {
	once := Executed{Count: 1, First: noon, Last: noon, Ended: noon + 60_000}
	between := func(from, to Span) StartInterval {
		return StartInterval{Earliest: noon + Instant(from), Latest: noon + Instant(to)}
	}
	monitor := Timing{Kind: Monitor, Start: StartInterval{Earliest: noon}, Period: Hour, Window: 10 * Minute}
	until := monitor
	until.Start.Latest = noon + Instant(2*Hour+Minute)
	floating := Timing{Kind: Monitor, Period: Hour, Window: 10 * Minute}
	whole := monitor
	whole.Window = Hour
	eclipse := Timing{Kind: Ephemeris, At: noon, Period: 10 * Hour, Phase: 5 * Hour, Window: 2 * Hour}
	spaced := Timing{Kind: MinimumInterval, Interval: Hour, Maximum: 2}
	for name, c := range map[string]struct {
		timing Timing
		after  Instant
		done   Executed
		want   StartInterval
		none   bool
	}{
		"flexible":                    {timing: Timing{Kind: Flexible, Start: between(0, Hour)}, after: noon + 1, want: between(0, Hour)},
		"flexible, unlimited":         {timing: Timing{Kind: Flexible}, after: noon, want: StartInterval{Beginning, Forever}},
		"flexible, too late":          {timing: Timing{Kind: Flexible, Start: between(0, Hour)}, after: noon + Instant(Hour) + 1, none: true},
		"flexible, done":              {timing: Timing{Kind: Flexible}, after: noon, done: once, none: true},
		"fixed":                       {timing: Timing{Kind: Fixed, At: noon, Slack: Minute}, after: noon - 1, want: between(-Minute, Minute)},
		"fixed, without slack":        {timing: Timing{Kind: Fixed, At: noon}, after: noon, want: between(0, 0)},
		"fixed, outside of the start": {timing: Timing{Kind: Fixed, At: noon, Start: between(Hour, 2*Hour)}, after: noon, none: true},
		"fixed, passed":               {timing: Timing{Kind: Fixed, At: noon}, after: noon + 1, none: true},
		"monitor, before":             {timing: monitor, after: noon - Instant(Day), want: between(0, 10*Minute)},
		"monitor, in a window":        {timing: monitor, after: noon + Instant(Hour+5*Minute), want: between(Hour, Hour+10*Minute)},
		"monitor, at its last moment": {timing: monitor, after: noon + Instant(10*Minute), want: between(0, 10*Minute)},
		"monitor, between":            {timing: monitor, after: noon + Instant(11*Minute), want: between(Hour, Hour+10*Minute)},
		"monitor, used":               {timing: monitor, after: noon + 1, done: once, want: between(Hour, Hour+10*Minute)},
		"monitor, clipped":            {timing: until, after: noon + Instant(2*Hour), want: between(2*Hour, 2*Hour+Minute)},
		"monitor, over":               {timing: until, after: noon + Instant(2*Hour+Minute) + 1, none: true},
		"monitor, a whole period":     {timing: whole, after: noon + Instant(Hour), want: between(Hour, 2*Hour-1)},
		"monitor, floating":           {timing: floating, after: noon, want: StartInterval{Beginning, Forever}},
		"monitor, set by its first":   {timing: floating, after: noon + 1, done: once, want: between(Hour, Hour+10*Minute)},
		"monitor, a century later":    {timing: monitor, after: noon + Instant(36525*Day), want: between(36525*Day, 36525*Day+10*Minute)},
		"ephemeris":                   {timing: eclipse, after: noon, want: between(4*Hour, 6*Hour)},
		"ephemeris, before its epoch": {timing: eclipse, after: noon - Instant(10*Day), want: between(-10*Day+4*Hour, -10*Day+6*Hour)},
		"interval, first":             {timing: spaced, after: noon, want: StartInterval{Beginning, Forever}},
		"interval, second":            {timing: spaced, after: noon, done: once, want: StartInterval{noon + Instant(Hour+Minute), Forever}},
		"interval, enough":            {timing: spaced, after: noon, done: Executed{Count: 2}, none: true},
	} {
		require.NoError(t, c.timing.Check(), name)
		w, ok := c.timing.Next(c.after, c.done)
		require.Equal(t, !c.none, ok, "%s: %v", name, w)
		if ok {
			assert.Equal(t, c.want, w, name)
		}
	}
}

func TestTimingsThatMakeNoSenseAreRefused(t *testing.T) {
	for text, timing := range map[string]Timing{
		`timing "weekly"`:            {Kind: "weekly"},
		"no period":                  {Kind: Monitor},
		"longer than the period":     {Kind: Monitor, Period: Hour, Window: 2 * Hour},
		"no part of the cycle":       {Kind: Ephemeris, Period: Hour, Phase: Hour},
		"no interval":                {Kind: MinimumInterval},
		"slack -1ms":                 {Kind: Fixed, Slack: -1},
		"period 2443":                {Kind: Monitor, Period: MaxSpan/4 + 1},
		"at most -1 executions":      {Kind: Flexible, Maximum: -1},
		"beyond the ends of time":    {Kind: Fixed, At: Forever + 1},
		"start after 2027-01-15T08:": {Kind: Flexible, Start: StartInterval{noon, noon - 1}},
	} {
		err := timing.Check()
		require.ErrorIs(t, err, ErrInvalid, text)
		assert.Contains(t, err.Error(), text)
	}
}

// enumerated is what Next says, found by walking over every window there is from long before.
func enumerated(timing Timing, after Instant, done Executed, horizon Instant) (StartInterval, bool) {
	origin := timing.Start.Earliest
	if timing.Kind == Ephemeris {
		origin = timing.At + Instant(timing.Phase) - Instant(timing.Window/2)
	}
	for origin > -horizon && timing.Kind == Ephemeris {
		origin -= Instant(timing.Period)
	}
	for start := origin; start <= horizon; start += Instant(timing.Period) {
		end := min(start+Instant(timing.Window), start+Instant(timing.Period)-1)
		used := done.Count > 0 && done.Last >= start
		w := StartInterval{max(start, timing.Start.Earliest), min(end, timing.Start.Latest)}
		if !used && w.Earliest <= w.Latest && w.Latest >= after {
			return w, true
		}
	}
	return StartInterval{}, false
}

// Property: the next window is the one that a walk over all windows finds, and there are as many as Most says.
func TestTimingFindsWhatAWalkFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instant := rapid.Int64Range(1, 2000)
		timing := Timing{Kind: rapid.SampledFrom([]TimingKind{Monitor, Ephemeris}).Draw(t, "kind")}
		timing.Period = Span(rapid.Int64Range(1, 300).Draw(t, "period"))
		timing.Window = Span(rapid.Int64Range(0, int64(timing.Period)).Draw(t, "window"))
		timing.Phase = Span(rapid.Int64Range(0, int64(timing.Period)-1).Draw(t, "phase"))
		timing.At = Instant(rapid.Int64Range(-5000, 5000).Draw(t, "at"))
		timing.Start.Earliest = Instant(instant.Draw(t, "earliest"))
		timing.Start.Latest = timing.Start.Earliest + Instant(instant.Draw(t, "latest"))
		require.NoError(t, timing.Check())
		var done Executed
		after := Instant(instant.Draw(t, "after"))
		most, limited := timing.Most(after, 1, done)
		require.True(t, limited)
		for n := int64(0); ; n++ {
			want, more := enumerated(timing, after, done, 10_000)
			got, ok := timing.Next(after, done)
			require.Equal(t, more, ok, "after %d: %v, not %v", after, got, want)
			if !ok {
				require.Equal(t, most, n, "executions")
				return
			}
			require.Equal(t, want, got, "after %d, %v", after, done)
			began := max(got.Earliest, after)
			if rapid.IntRange(0, 3).Draw(t, "miss") == 0 {
				require.EqualValues(t, 1, timing.Passed(got.Earliest, got.Latest+1, done))
				require.Zero(t, timing.Passed(got.Earliest, got.Latest, done))
				after = got.Latest + 1
				continue
			}
			done = Executed{Count: done.Count + 1, First: noon, Last: began, Ended: began}
			after = began
		}
	})
}

// Property: executions that keep a minimum interval are never closer, and no more than Most says.
func TestTimingKeepsTheInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		timing := Timing{
			Kind: MinimumInterval, Interval: Span(rapid.Int64Range(1, 100).Draw(t, "interval")), Maximum: rapid.IntRange(0, 20).Draw(t, "maximum"),
			Start: StartInterval{Latest: Instant(rapid.Int64Range(1, 1000).Draw(t, "latest"))},
		}
		length := Span(rapid.Int64Range(1, 50).Draw(t, "length"))
		var done Executed
		most, _ := timing.Most(1, length, done)
		now := Instant(1)
		for {
			w, ok := timing.Next(now, done)
			if !ok {
				require.EqualValues(t, most, done.Count)
				return
			}
			began := max(now, w.Earliest)
			require.True(t, done.Count == 0 || began.Sub(done.Ended) >= timing.Interval)
			require.LessOrEqual(t, began, timing.Start.Latest)
			done = Executed{Count: done.Count + 1, First: 1, Last: began, Ended: began.Add(length)}
			now = done.Ended
		}
	})
}

// The leap second at the end of 2016 lies within this period: windows are counted in the milliseconds that computers count.
func TestTimingKnowsNoLeapSeconds(t *testing.T) {
	start := InstantOf(time.Date(2016, 12, 31, 12, 0, 0, 0, time.UTC))
	timing := Timing{Kind: Monitor, Start: StartInterval{Earliest: start}, Period: Day}
	w, ok := timing.Next(start+1, Executed{})
	require.True(t, ok)
	assert.Equal(t, "2017-01-01T12:00:00.000Z", w.Earliest.String())
}
