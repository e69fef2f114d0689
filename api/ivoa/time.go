package ivoa

import (
	"fmt"
	"time"
)

// instantLayout is how instants are written: RFC 3339, UTC, milliseconds.
const instantLayout = "2006-01-02T15:04:05.000Z"

// Time is an instant on the wire, kept in UTC to the millisecond. The zero
// Time is an absent one.
type Time struct{ time.Time }

// At returns t as it will be read back from the wire.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// String returns the instant as it is written, or "" for the zero Time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return FormatInstant(t.Time)
}

// MarshalText writes the instant as RFC 3339 in UTC with milliseconds.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads any RFC 3339 instant.
func (t *Time) UnmarshalText(text []byte) error {
	at, err := parseTime(string(text))
	if err != nil {
		return err
	}
	*t = at
	return nil
}

// MarshalJSON overrides the embedded time's, which keeps zone and nanoseconds.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON overrides the embedded time's likewise.
func (t *Time) UnmarshalJSON(data []byte) error {
	if len(data) < 2 || data[0] != '"' {
		return fmt.Errorf("%s is not a date and time", data)
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}

func parseTime(s string) (Time, error) {
	if s == "" {
		return Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Time{}, fmt.Errorf("%q is not a date and time of RFC 3339, as 2026-12-01T00:00:00Z is", s)
	}
	at = at.UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return Time{}, fmt.Errorf("%q is outside the years 1 to 9999", s)
	}
	return At(at), nil
}
