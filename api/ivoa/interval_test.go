package ivoa

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDurationsOfEveryForm(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT30M":              30 * time.Minute,
		"PT90M":              90 * time.Minute,
		"P1D":                day,
		"P1DT2H3M4S":         day + 2*time.Hour + 3*time.Minute + 4*time.Second,
		"P2W":                14 * day,
		"P1W1D":              8 * day,
		"P1DT":               day,
		"PT0S":               0,
		"P0D":                0,
		"PT0.5S":             500 * time.Millisecond,
		"PT1.23456789S":      1234 * time.Millisecond,
		"PT000000000000000S": 0,
		"P0Y0M1D":            day,
		"-PT5M":              -5 * time.Minute,
		"PT36H":              36 * time.Hour,
		"P3653D":             MaxDuration,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestDurationsThatAreNoneAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		"":                                      ErrISO8601,
		"P":                                     ErrISO8601,
		"PT":                                    ErrISO8601,
		"30M":                                   ErrISO8601,
		"PT30":                                  ErrISO8601,
		"PTM":                                   ErrISO8601,
		"P30S":                                  ErrISO8601,
		"PT1D":                                  ErrISO8601,
		"PT1M1H":                                ErrISO8601,
		"PT1M1M":                                ErrISO8601,
		"PT1.5H":                                ErrISO8601,
		"PT1.0M":                                ErrISO8601,
		"PT1.S":                                 ErrISO8601,
		"PT.5S":                                 ErrISO8601,
		"PT1,5S":                                ErrISO8601,
		"PT5N":                                  ErrISO8601,
		"P-1D":                                  ErrISO8601,
		"+P1D":                                  ErrISO8601,
		"--P1D":                                 ErrISO8601,
		"pt1h":                                  ErrISO8601,
		" PT1H":                                 ErrISO8601,
		"PT1H ":                                 ErrISO8601,
		"P١D":                                   ErrISO8601,
		"PT1HT1M":                               ErrISO8601,
		"P1Y":                                   ErrCalendar,
		"P1M":                                   ErrCalendar,
		"P11Y":                                  ErrTooLong,
		"P3654D":                                ErrTooLong,
		"P3653DT1S":                             ErrTooLong,
		"P9999999999999999999D":                 ErrTooLong,
		"P999999999999Y":                        ErrTooLong,
		"PT" + strings.Repeat("9", 1<<16) + "S": ErrTooLong,
	} {
		_, err := ParseDuration(text)
		require.ErrorIs(t, err, want, clip(text))
		assert.Less(t, len(err.Error()), 300)
	}
	assert.ErrorIs(t, CheckDuration(-time.Second), ErrNegative)
	assert.EqualError(t, CheckDuration(-time.Second), "a negative duration: -PT1S ends before it begins")
	assert.NoError(t, CheckDuration(0))
}

func TestDurationsAreWrittenShortest(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                 "PT0S",
		time.Microsecond:                  "PT0S",
		-time.Microsecond:                 "PT0S",
		30 * time.Minute:                  "PT30M",
		90 * time.Minute:                  "PT1H30M",
		day:                               "P1D",
		day + time.Second:                 "P1DT1S",
		14 * day:                          "P14D",
		1500 * time.Millisecond:           "PT1.5S",
		61*time.Second + time.Millisecond: "PT1M1.001S",
		-5 * time.Minute:                  "-PT5M",
		math.MinInt64:                     "-P106751DT23H47M16.854S",
	} {
		assert.Equal(t, want, FormatDuration(d))
	}
}

func TestIntervalsOfEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		"2023-08-09T12:00:00Z/2023-08-09T13:00:00Z": "2023-08-09T12:00:00.000Z/2023-08-09T13:00:00.000Z",
		"2023-08-09/PT2H":          "2023-08-09T00:00:00.000Z/2023-08-09T02:00:00.000Z",
		"PT2H/2023-08-09":          "2023-08-08T22:00:00.000Z/2023-08-09T00:00:00.000Z",
		"2023-08-09/2023-08-10":    "2023-08-09T00:00:00.000Z/2023-08-10T00:00:00.000Z",
		"2026-12-01T00:00:00Z/P1D": "2026-12-01T00:00:00.000Z/2026-12-02T00:00:00.000Z",
		"2026-12-01/P1W":           "2026-12-01T00:00:00.000Z/2026-12-08T00:00:00.000Z",
		"2026-12-01T10:30/PT1H":    "2026-12-01T10:30:00.000Z/2026-12-01T11:30:00.000Z",
		"2026-12-01T10:30:15.1239+05:30/2026-12-01T10:30-01:00": "2026-12-01T05:00:15.123Z/2026-12-01T11:30:00.000Z",
		"2024-01-31/P1M":              "2024-01-31T00:00:00.000Z/2024-03-02T00:00:00.000Z",
		"2024-02-29/P1Y":              "2024-02-29T00:00:00.000Z/2025-03-01T00:00:00.000Z",
		"P1M/2024-03-31":              "2024-03-02T00:00:00.000Z/2024-03-31T00:00:00.000Z",
		"P1Y2M3DT4H5M6.7S/2026-12-01": "2025-09-27T19:54:53.300Z/2026-12-01T00:00:00.000Z",
		"2023-08-10/2023-08-09":       "2023-08-10T00:00:00.000Z/2023-08-09T00:00:00.000Z",
	} {
		got, err := ParseInterval(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, FormatInterval(got), text)
		assert.Equal(t, text == "2023-08-10/2023-08-09", got.Reversed())
	}
}

func TestIntervalsThatAreNoneAreRefused(t *testing.T) {
	for text, want := range map[string]error{
		"":                                 ErrISO8601,
		"/":                                ErrISO8601,
		"2023-08-09":                       ErrISO8601,
		"2023-08-09/":                      ErrISO8601,
		"/2023-08-09":                      ErrISO8601,
		"PT1H/PT2H":                        ErrISO8601,
		"2023-08-09/2023-08-10/2023-08-11": ErrISO8601,
		"2023-02-30/P1D":                   ErrISO8601,
		"2023-13-01/P1D":                   ErrISO8601,
		"2023-8-9/P1D":                     ErrISO8601,
		"0000-01-01/P1D":                   ErrISO8601,
		"2023-08-09 12:00/P1D":             ErrISO8601,
		"2023-08-09T24:00/P1D":             ErrISO8601,
		"2023-08-09T12/P1D":                ErrISO8601,
		"2023-08-09T12:60/P1D":             ErrISO8601,
		"2023-08-09T12:00:60Z/P1D":         ErrISO8601,
		"2023-08-09T12:00.5Z/P1D":          ErrISO8601,
		"2023-08-09T12:00:00.Z/P1D":        ErrISO8601,
		"2023-08-09T12:00:00+0100/P1D":     ErrISO8601,
		"2023-08-09T12:00:00+24:00/P1D":    ErrISO8601,
		"2023-08-09T/P1D":                  ErrISO8601,
		"2023-08-09TZ/P1D":                 ErrISO8601,
		"2023-08-09T+1:00:00/P1D":          ErrISO8601,
		"2023-08-09/-P1D":                  ErrNegative,
		"9999-12-31/P1D":                   ErrTooLong,
		"P1D/0001-01-01":                   ErrTooLong,
		"0001-01-01T00:00+01:00/P1D":       ErrTooLong,
		"2023-08-09/P11Y":                  ErrTooLong,
	} {
		_, err := ParseInterval(text)
		assert.ErrorIs(t, err, want, text)
	}
}

// Property: what is written is read back to the millisecond.
func TestTimesSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(-int64(MaxDuration), int64(MaxDuration)).Draw(t, "d"))
		back, err := ParseDuration(FormatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d.Truncate(time.Millisecond), back)

		ms := rapid.Int64Range(-62135596800000, 253402300799999)
		i := Interval{time.UnixMilli(ms.Draw(t, "start")).UTC(), time.UnixMilli(ms.Draw(t, "end")).UTC()}
		again, err := ParseInterval(FormatInterval(i))
		require.NoError(t, err)
		require.Equal(t, i, again)
	})
}

// Property: an interval by start and duration has that length, when it has no months.
func TestIntervalsHaveTheLengthTheyState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(MaxDuration/time.Millisecond)).Draw(t, "ms")) * time.Millisecond
		for _, text := range []string{"2026-12-01/" + FormatDuration(d), FormatDuration(d) + "/2026-12-01T10:00+01:00"} {
			i, err := ParseInterval(text)
			require.NoError(t, err)
			require.Equal(t, d, i.Length())
		}
	})
}
