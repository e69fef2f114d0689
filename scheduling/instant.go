package scheduling

import "time"

// Instant is a moment in milliseconds since the Unix epoch, the precision of everything the broker promises.
type Instant int64

// Span is a length of time in milliseconds.
type Span int64

// The ends of time. Real instants lie strictly between them, far enough from the limits of int64 that adding a valid
// Span never overflows.
const (
	Beginning Instant = -1 << 52
	Forever   Instant = 1 << 52
)

// MaxSpan is the longest valid span, about 1,100 years.
const MaxSpan Span = 1 << 45

// Units of Span.
const (
	Millisecond Span = 1
	Second           = 1000 * Millisecond
	Minute           = 60 * Second
	Hour             = 60 * Minute
	Day              = 24 * Hour
)

// InstantOf returns the millisecond in which t lies, kept between the ends of time.
func InstantOf(t time.Time) Instant {
	return min(max(Instant(t.UnixMilli()), Beginning), Forever)
}

// SpanOf returns d rounded up to whole milliseconds, so that a slot is never shorter than what was asked for.
func SpanOf(d time.Duration) Span {
	whole := Span(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		whole++
	}
	return whole
}

// Time returns the instant in UTC.
func (i Instant) Time() time.Time { return time.UnixMilli(int64(i)).UTC() }

// Add returns the instant s later, at most Forever.
func (i Instant) Add(s Span) Instant { return min(i+Instant(s), Forever) }

// Sub returns the span from j to i.
func (i Instant) Sub(j Instant) Span { return Span(i - j) }

// String returns the instant as RFC 3339 in UTC with milliseconds.
func (i Instant) String() string {
	switch {
	case i <= Beginning:
		return "beginning"
	case i >= Forever:
		return "forever"
	}
	return i.Time().Format("2006-01-02T15:04:05.000Z")
}

// Duration returns the span as a time.Duration, at most the longest of those (292 years).
func (s Span) Duration() time.Duration {
	const longest = Span(1<<63-1) / Span(time.Millisecond)
	return time.Duration(min(s, longest)) * time.Millisecond
}

// String returns the span as time.Duration writes it.
func (s Span) String() string { return s.Duration().String() }
