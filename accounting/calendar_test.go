package accounting_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	. "starling/accounting"
)

// week has weekend nights, working hours, and the rest; 1 November 2026 is a
// Sunday.
var week = []Hours{
	{From: "22:00", To: "06:00", Days: []string{"sat", "Sun"}},
	{From: "09:00", To: "17:00", Days: []string{"mon", "tue", "wed", "thu", "fri"}},
}

func calendar(t require.TestingT, hours []Hours) Calendar {
	c, err := NewCalendar(hours)
	require.NoError(t, err)
	return c
}

func TestABandBeginsOnItsDays(t *testing.T) {
	c := calendar(t, week)
	for name, tt := range map[string]struct {
		start, end time.Time
		want       []time.Duration
	}{
		"Sunday night goes on into Monday": {clock(1, 20), clock(2, 10), []time.Duration{8 * time.Hour, time.Hour, 5 * time.Hour}},
		"Monday night is none":             {clock(2, 22), clock(3, 6), []time.Duration{0, 0, 8 * time.Hour}},
		"a week":                           {clock(4, 13), clock(11, 13), []time.Duration{16 * time.Hour, 40 * time.Hour, 112 * time.Hour}},
		"no time at all":                   {clock(2, 9), clock(2, 9), []time.Duration{0, 1, 0}},
	} {
		assert.Equal(t, tt.want, c.Split(tt.start, tt.end), name)
	}
	assert.Equal(t, []time.Time{clock(1, 6), clock(1, 22), clock(2, 6), clock(2, 9), clock(2, 17)}, c.Changes(clock(1, 6), clock(3, 9)))
}

func TestACalendarWithoutHoursIsOneBand(t *testing.T) {
	c := calendar(t, nil)
	assert.Equal(t, []time.Duration{time.Hour}, c.Split(clock(1, 0), clock(1, 1)))
	assert.Empty(t, c.Changes(clock(1, 0), clock(30, 0)))
}

func TestHoursThatMakeNoSenseAreNamed(t *testing.T) {
	for want, hours := range map[string][]Hours{
		`[1].days`: {week[0], {From: "00:00", To: "01:00", Days: []string{"Monday"}}},
		`overlap on mon, 05:00`: {
			{From: "22:00", To: "06:00", Days: []string{"sun"}}, {From: "05:00", To: "07:00", Days: []string{"mon"}}},
	} {
		_, err := NewCalendar(hours)
		assert.ErrorIs(t, err, ErrInvalid)
		assert.ErrorContains(t, err, want)
	}
}

// Property: a span is split as its quarters of an hour, one by one, would be,
// and the band changes at the changes only.
func TestASpanIsSplitAsItsQuarterHoursAre(t *testing.T) {
	c := calendar(t, week)
	bandAt := func(at time.Time) int {
		for band, part := range c.Split(at, at) {
			if part > 0 {
				return band
			}
		}
		return -1
	}
	rapid.Check(t, func(rt *rapid.T) {
		start := clock(1, 0).Add(time.Duration(rapid.IntRange(0, 700).Draw(rt, "start")) * 15 * time.Minute)
		quarters := rapid.IntRange(1, 1500).Draw(rt, "quarters")
		want := make([]time.Duration, 3)
		var changes []time.Time
		band := bandAt(start)
		for i := range quarters {
			at := start.Add(time.Duration(i) * 15 * time.Minute)
			now := bandAt(at)
			if now != band {
				changes = append(changes, at)
			}
			want[now], band = want[now]+15*time.Minute, now
		}
		end := start.Add(time.Duration(quarters) * 15 * time.Minute)
		require.Equal(rt, want, c.Split(start, end))
		require.Equal(rt, changes, c.Changes(start.Add(1), end))
	})
}
