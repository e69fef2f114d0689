package accounting

import (
	"fmt"
	"time"
)

// An Instant is a time in milliseconds since 1970, UTC: what the record keeps.
// Zero means "not yet", and is left out of JSON.
type Instant int64

// instantLayout is RFC 3339 with the milliseconds always written.
const instantLayout = "2006-01-02T15:04:05.000Z"

// The years that four digits can write; anything else is somebody's mistake.
const (
	minInstant Instant = -62135596800000 // 0001-01-01
	maxInstant Instant = 253402300799999 // 9999-12-31T23:59:59.999Z
)

// At is the instant of a time, cut to milliseconds. The zero time is zero.
func At(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixMilli())
}

// Time is the instant as a time in UTC; the zero instant is the zero time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i)).UTC()
}

func (i Instant) String() string {
	return time.UnixMilli(int64(i)).UTC().Format(instantLayout)
}

// IsZero reports whether it never happened (for omitzero).
func (i Instant) IsZero() bool { return i == 0 }

// MarshalText writes RFC 3339 in UTC with milliseconds.
func (i Instant) MarshalText() ([]byte, error) {
	if i < minInstant || i > maxInstant {
		return nil, fmt.Errorf("time %d ms: year outside 1 to 9999", int64(i))
	}
	return time.UnixMilli(int64(i)).UTC().AppendFormat(nil, instantLayout), nil
}

// UnmarshalText reads RFC 3339 with any offset.
func (i *Instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("time %.40q is not RFC 3339", text)
	}
	at := Instant(t.UnixMilli())
	if at < minInstant || at > maxInstant {
		return fmt.Errorf("time %.40q: year outside 1 to 9999", text)
	}
	*i = at
	return nil
}
