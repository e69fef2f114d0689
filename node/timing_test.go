package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/scheduling"
)

// timedProgram asks for a minute, from a start on, with a timing.
func timedProgram(start, timing string) string {
	return program + "schedule: {requested: {duration: PT1M, start: '" + start + "'}, timing: {kind: 'urn:starling:timing:" + timing + "}}\n"
}

const day1 = "2026-12-01T12:00:00Z/P1D" // from asked on

// Promise 9: what can't be kept is said, and where it stands.
func TestPromise9TimingsThatMakeNoSenseAreObjections(t *testing.T) {
	for name, c := range map[string]struct{ request, text string }{
		"unknown":                 {timedProgram(day1, "weekly-1.0'"), "urn:starling:timing:weekly-1.0 is no kind of timing that this broker knows"},
		"fixed without instant":   {timedProgram(day1, "fixed-1.0'"), "/schedule/timing/at is missing"},
		"fixed and passed":        {timedProgram(day1, "fixed-1.0', at: 2026-12-01T11:00:00Z, slack: PT1M"), "/schedule/timing allows no start from now on"},
		"fixed, out of the start": {timedProgram(day1, "fixed-1.0', at: 2026-12-03T11:00:00Z"), "/schedule/timing allows no start from now on, within the start that is requested"},
		"no period":               {timedProgram(day1, "monitor-1.0', window: PT1M"), "/schedule/timing/period is missing"},
		"period of nothing":       {timedProgram(day1, "monitor-1.0', period: PT0S, window: PT0S"), "/schedule/timing/period is PT0S: it must be more than nothing"},
		"negative window":         {timedProgram(day1, "monitor-1.0', period: PT1H, window: -PT1M"), "/schedule/timing/window is -PT1M: it must not be negative"},
		"window longer":           {timedProgram(day1, "monitor-1.0', period: PT1H, window: PT2H"), "/schedule/timing/window is longer than the period of PT1H"},
		"period too short":        {timedProgram(day1, "monitor-1.0', period: PT1M, window: PT1M"), "/schedule/timing/period is PT1M, but each execution takes PT1M5S"},
		"maximum of nothing":      {timedProgram(day1, "minimum-interval-1.0', interval: PT1H, maximum: 0"), "/schedule/timing/maximum is 0: it must be from 1 to 100000"},
		"no cycle":                {timedProgram(day1, "ephemeris-1.0', epoch: 2026-01-01T00:00:00Z, phase: 0, window: 0"), "/schedule/timing/cycle is missing"},
		"phase 1":                 {timedProgram(day1, "ephemeris-1.0', epoch: 2026-01-01T00:00:00Z, cycle: PT3H, phase: 1, window: 0"), "/schedule/timing/phase is 1"},
		"phase beyond":            {timedProgram(day1, "ephemeris-1.0', epoch: 2026-01-01T00:00:00Z, cycle: PT3H, phase: 1.5, window: 0"), "/schedule/timing/phase is 1.5: it is a part of the cycle"},
		"no epoch":                {timedProgram(day1, "ephemeris-1.0', cycle: PT3H, phase: 0, window: 0"), "/schedule/timing/epoch is missing"},
	} {
		q, err := read(t, c.request)
		require.NoError(t, err, name)
		require.NotEmpty(t, q.objections, name)
		assert.Contains(t, q.objections[0].Text, c.text, name)
		assert.NotEmpty(t, q.objections[0].Kind, name)
	}
	_, err := read(t, timedProgram(day1, "monitor-1.0', period: hourly, window: PT1M"))
	assert.Equal(t, CodeInvalid, codeOf(err))
	assert.ErrorContains(t, err, "/schedule/timing/period")
}

func TestATimingIsReadInMilliseconds(t *testing.T) {
	start := scheduling.StartInterval{Earliest: scheduling.InstantOf(asked), Latest: scheduling.InstantOf(asked).Add(scheduling.Day)}
	for timing, want := range map[string]scheduling.Timing{
		"flexible-1.0'": {Kind: scheduling.Flexible},
		"fixed-1.0', at: 2026-12-01T13:00:00Z, slack: PT1.5S": {Kind: scheduling.Fixed, At: scheduling.InstantOf(asked).Add(scheduling.Hour), Slack: 1500},
		"monitor-1.0', period: P1D, window: PT1H, maximum: 3": {Kind: scheduling.Monitor, Period: scheduling.Day, Window: scheduling.Hour, Maximum: 3},
		"minimum-interval-1.0', interval: PT1H":               {Kind: scheduling.MinimumInterval, Interval: scheduling.Hour},
		"ephemeris-1.0', epoch: 2026-12-01T12:00:00Z, cycle: PT1H, phase: 0.3333, window: 0.1": {
			Kind: scheduling.Ephemeris, At: scheduling.InstantOf(asked), Period: scheduling.Hour, Phase: 1_199_880, Window: 6 * scheduling.Minute},
	} {
		q, err := read(t, timedProgram(day1, timing))
		require.NoError(t, err, timing)
		require.Empty(t, q.objections, timing)
		want.Start = start
		assert.Equal(t, want, q.times, timing)
		assert.Equal(t, want.Repeats(), q.demand.Starts != nil, timing)
	}
}

// A timing of a kind that nobody knows is answered NO, whatever the form.
func TestAnUnknownTimingIsNotIgnored(t *testing.T) {
	q, err := read(t, timedProgram(day1, "sometimes-2.0', often: true"))
	require.NoError(t, err)
	require.Len(t, q.objections, 1)
	assert.Equal(t, ivoa.MessageUnknownType, q.objections[0].Kind)
}
