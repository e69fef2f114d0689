package scheduling

import "fmt"

// Demand is what a request needs of a pool.
type Demand struct {
	// Min is the least that will do, Max the most that would help. A resource of Max below that of Min counts as Min's.
	Min, Max Resources
	// Preparing, Duration and Releasing are how long the work takes to set up, may run, and takes to clear away. The
	// resources are held for all three.
	Preparing, Duration, Releasing Span
	// Start is when the prepared work may begin; Starts, within it, the windows in which alone it may, nil if there are
	// none such.
	Start  StartInterval
	Starts Starts
}

// StartInterval is the earliest and the latest start that the user wants, both included. Zero as Earliest means as
// soon as possible, zero as Latest that no start is too late.
type StartInterval struct {
	Earliest Instant `json:"earliest,omitzero"`
	Latest   Instant `json:"latest,omitzero"`
}

// Total returns how long the resources are needed.
func (d Demand) Total() Span { return d.Preparing + d.Duration + d.Releasing }

// Check returns an error, which wraps ErrInvalid, unless a pool could be asked this.
func (d Demand) Check() error {
	switch {
	case !d.Min.valid() || d.Min.IsZero():
		return fmt.Errorf("%w: at least %s", ErrInvalid, d.Min)
	case !d.Min.Max(d.Max).valid():
		return fmt.Errorf("%w: at most %s", ErrInvalid, d.Max)
	case d.Duration <= 0 || d.Preparing < 0 || d.Releasing < 0:
		return fmt.Errorf("%w: duration %s, preparing %s, releasing %s", ErrInvalid, d.Duration, d.Preparing, d.Releasing)
	case max(d.Duration, d.Preparing, d.Releasing) > MaxSpan/4:
		return fmt.Errorf("%w: duration %s", ErrInvalid, d.Duration)
	case min(d.Start.Earliest, d.Start.Latest) < Beginning || max(d.Start.Earliest, d.Start.Latest) > Forever:
		return fmt.Errorf("%w: start from %d to %d", ErrInvalid, d.Start.Earliest, d.Start.Latest)
	case d.Start.Latest != 0 && d.Start.Latest < d.Start.Earliest:
		return fmt.Errorf("%w: start after %s and before %s", ErrInvalid, d.Start.Earliest, d.Start.Latest)
	}
	return nil
}

// Plan is one definite way to run a demand: how much, and when which phase would be if it starts at once.
type Plan struct {
	Resources                       Resources
	Preparing, Available, Releasing Window
}

// plan returns the phases of the demand at a size from the start of its slot on.
func (d Demand) plan(size Resources, start Instant) Plan {
	preparing := start.From(d.Preparing)
	available := preparing.End.From(d.Duration)
	return Plan{size, preparing, available, available.End.From(d.Releasing)}
}
