package scheduling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// timed is a demand for an hour on all 16 cores when a timing allows it.
func timed(timing Timing) Demand {
	d, _ := demand(16, 16).Timed(timing, noon)
	return d
}

func TestOffersKeepToTheWindowsOfATiming(t *testing.T) {
	monitor := Timing{Kind: Monitor, Start: StartInterval{Earliest: hours(1)}, Period: 3 * Hour, Window: 10 * Minute}
	ephemeris := Timing{Kind: Ephemeris, At: hours(-1000), Period: 7 * Hour, Phase: 3 * Hour, Window: Hour}
	busy := func(from, to int64) *Timeline {
		line := idle(t, 16, 0)
		booked(t, line, 1, hours(from), hours(to), 1)
		return line
	}
	for name, c := range map[string]struct {
		line   *Timeline
		timing Timing
		want   string
	}{
		"fixed":                  {idle(t, 16, 0), Timing{Kind: Fixed, At: hours(2)}, "earliest +2h 16c 0"},
		"fixed, with slack":      {busy(0, 2), Timing{Kind: Fixed, At: hours(2), Slack: Hour}, "earliest +2h 16c 0"},
		"monitor":                {idle(t, 16, 0), monitor, "earliest +1h 16c 0"},
		"monitor, next window":   {busy(1, 2), monitor, "earliest +4h 16c 0"},
		"monitor, some later":    {busy(1, 100), monitor, "earliest +100h 16c 0"},
		"ephemeris":              {idle(t, 16, 0), ephemeris, "earliest +3.5h 16c 0"},
		"ephemeris, next window": {busy(0, 5), ephemeris, "earliest +10.5h 16c 0"},
	} {
		proposals, refusals := Propose([]Candidate{{c.line, nil}}, timed(c.timing), Constraints{}, limits())
		require.Empty(t, refusals, name)
		assert.Equal(t, []string{c.want}, told(proposals), name)
		window, _ := c.timing.Next(proposals[0].Start.Earliest, Executed{})
		assert.Equal(t, proposals[0].Start, proposals[0].Start.within(window), name)
	}
}

// The work begins in its window; what prepares it begins earlier.
func TestPreparationComesBeforeTheWindow(t *testing.T) {
	d := timed(Timing{Kind: Monitor, Start: StartInterval{Earliest: hours(1)}, Period: 3 * Hour, Window: 10 * Minute})
	d.Preparing = 20 * Minute
	proposals, _ := Propose([]Candidate{{idle(t, 16, 0), nil}}, d, Constraints{}, limits())
	require.Len(t, proposals, 1)
	assert.Equal(t, hours(1), proposals[0].Available.Start)
	assert.Equal(t, hours(1)-Instant(20*Minute), proposals[0].Preparing.Start)
}

func TestPromise9ATimingThatCannotBeKeptSaysWhy(t *testing.T) {
	full := idle(t, 16, 0)
	booked(t, full, 1, noon, hours(48), 1)
	monitor := Timing{Kind: Monitor, Start: StartInterval{hours(1), hours(10)}, Period: 3 * Hour, Window: 10 * Minute}
	for name, c := range map[string]struct {
		line   *Timeline
		timing Timing
		want   string
	}{
		"fixed": {full, Timing{Kind: Fixed, At: hours(2), Slack: Minute},
			"no start from 2027-01-15T09:59:00.000Z to 2027-01-15T10:01:00.000Z is free; the earliest possible is 2027-01-17T08:00:00.000Z"},
		"every window": {full, monitor,
			"in none of the windows that the timing allows until 2027-01-15T18:00:00.000Z a start is free; the earliest possible outside of them is 2027-01-17T08:00:00.000Z"},
		"beyond the horizon": {idle(t, 16, 0), Timing{Kind: Ephemeris, At: noon, Period: 1000 * Day, Phase: 500 * Day},
			"the earliest start wanted is 2028-05-29T08:00:00.000Z, but this site plans no further than 2027-03-16T08:00:00.000Z"},
	} {
		_, refusals := Propose([]Candidate{{c.line, nil}}, timed(c.timing), Constraints{}, limits())
		require.Len(t, refusals, 1, name)
		assert.Equal(t, CodeStartInterval, refusals[0].Code, name)
		assert.Equal(t, c.want, refusals[0].Reason.String(), name)
	}
	_, possible := demand(1, 1).Timed(Timing{Kind: Monitor, Start: StartInterval{hours(-3), hours(1)}, Period: 6 * Hour, Window: Minute}, noon)
	assert.False(t, possible)
}

// A pool that is full where the windows are costs no more than so many looks.
func TestASearchInWindowsEnds(t *testing.T) {
	line := idle(t, 16, 0)
	for i := range int64(600) {
		require.NoError(t, line.Book(Booking{ID: numbered(int(i)), Slot: Slot{Window{hours(i * 2), hours(i*2 + 1)}, Resources{Cores: 1}}}))
	}
	asked := 0
	starts := Timing{Kind: Monitor, Start: StartInterval{Earliest: noon}, Period: 2 * Hour, Window: Hour / 2}.Starts(Executed{})
	_, ok := line.EarliestFit(Query{
		Need: Resources{Cores: 16}, Duration: Hour, NotBefore: noon, NotAfter: Forever,
		Starts: func(from Instant) (StartInterval, bool) { asked++; return starts(from) },
	})
	assert.False(t, ok)
	assert.Equal(t, maxTries, asked)
}
