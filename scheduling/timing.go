package scheduling

import "fmt"

// TimingKind is one of the ways in which users say when their work may begin.
type TimingKind string

// The kinds of timing.
const (
	// Flexible: once, at any time.
	Flexible TimingKind = "flexible"
	// Fixed: once, at an instant or at most the slack from it.
	Fixed TimingKind = "fixed"
	// Monitor: again and again, once in each of a row of windows that begin a period apart.
	Monitor TimingKind = "monitor"
	// MinimumInterval: again and again, at least so long after the last.
	MinimumInterval TimingKind = "minimum-interval"
	// Ephemeris: again and again, once in each cycle of something in the sky, around a phase of it.
	Ephemeris TimingKind = "ephemeris"
)

// Timing says when work may begin, and how often it is executed. What a kind doesn't name below it doesn't look at.
type Timing struct {
	Kind TimingKind `json:"kind"`
	// Start bounds every execution, whatever the kind: none begins outside of it. A monitor's first window begins with
	// it; where it says as soon as possible, with the first execution.
	Start StartInterval `json:"start,omitzero"`
	// At is the instant of a fixed timing; for an ephemeris, any instant at which the phase is zero.
	At Instant `json:"at,omitzero"`
	// Slack is how far from At a fixed execution may begin, either way.
	Slack Span `json:"slack,omitzero"`
	// Period lies between the beginnings of a monitor's windows; it is an ephemeris's cycle.
	Period Span `json:"period,omitzero"`
	// Window is how long each window of a monitor or an ephemeris is.
	Window Span `json:"window,omitzero"`
	// Phase is how long after the beginning of a cycle the middle of an ephemeris's window is.
	Phase Span `json:"phase,omitzero"`
	// Interval is the least time from the end of an execution to the beginning of the next.
	Interval Span `json:"interval,omitzero"`
	// Maximum is how often work is executed at most; 0: as often as the rest allows.
	Maximum int `json:"maximum,omitzero"`
}

// Executed is what has been executed so far. The zero Executed is nothing.
type Executed struct {
	Count int     `json:"count,omitzero"`
	First Instant `json:"first,omitzero"` // when the first began
	Last  Instant `json:"last,omitzero"`  // when the last began
	Ended Instant `json:"ended,omitzero"` // when the last ended
}

// Repeats reports whether the timing is of a kind that may be executed more than once.
func (t Timing) Repeats() bool {
	return t.Kind == Monitor || t.Kind == MinimumInterval || t.Kind == Ephemeris
}

// Check returns an error, which wraps ErrInvalid, if the timing makes no sense.
func (t Timing) Check() error {
	bad := func(format string, values ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, values...))
	}
	s := t.Start
	switch {
	case min(s.Earliest, s.Latest, t.At) < Beginning || max(s.Earliest, s.Latest, t.At) > Forever:
		return bad("an instant beyond the ends of time")
	case s.Latest != 0 && s.Latest < s.Earliest:
		return bad("start after %s and before %s", s.Earliest, s.Latest)
	case min(t.Slack, t.Period, t.Window, t.Phase, t.Interval) < 0 || max(t.Slack, t.Period, t.Window, t.Phase, t.Interval) > MaxSpan/4:
		return bad("slack %s, period %s, window %s, phase %s, interval %s", t.Slack, t.Period, t.Window, t.Phase, t.Interval)
	case t.Maximum < 0:
		return bad("at most %d executions", t.Maximum)
	}
	switch t.Kind {
	case Flexible, Fixed:
	case Monitor, Ephemeris:
		if t.Period == 0 {
			return bad("no period")
		}
		if t.Window > t.Period {
			return bad("the window of %s is longer than the period of %s", t.Window, t.Period)
		}
		if t.Kind == Ephemeris && t.Phase >= t.Period {
			return bad("the phase of %s is no part of the cycle of %s", t.Phase, t.Period)
		}
	case MinimumInterval:
		if t.Interval == 0 {
			return bad("no interval")
		}
	default:
		return bad("timing %q", string(t.Kind))
	}
	return nil
}
