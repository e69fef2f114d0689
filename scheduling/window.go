package scheduling

import (
	"cmp"
	"slices"
)

// Window is the time from Start until just before End.
type Window struct {
	Start, End Instant
}

// From returns the window of length s that begins at i.
func (i Instant) From(s Span) Window { return Window{Start: i, End: i.Add(s)} }

// Length returns the span of the window.
func (w Window) Length() Span { return w.End.Sub(w.Start) }

// Empty reports whether the window holds no instant.
func (w Window) Empty() bool { return w.End <= w.Start }

// Contains reports whether v lies wholly inside w.
func (w Window) Contains(v Window) bool { return w.Start <= v.Start && v.End <= w.End }

// Overlaps reports whether some instant lies in both windows.
func (w Window) Overlaps(v Window) bool { return w.Start < v.End && v.Start < w.End }

// Intersect returns what lies in both windows, possibly an empty window.
func (w Window) Intersect(v Window) Window {
	return Window{Start: max(w.Start, v.Start), End: min(w.End, v.End)}
}

// String returns the window in the ISO 8601 form start/end.
func (w Window) String() string { return w.Start.String() + "/" + w.End.String() }

// valid reports whether a hold or a booking may have the window.
func (w Window) valid() bool {
	return Beginning < w.Start && w.Start < w.End && w.End < Forever && w.Length() <= MaxSpan
}

// merged returns the windows in order, with those that touch or overlap joined.
func merged(windows []Window) []Window {
	sorted := slices.Clone(windows)
	slices.SortFunc(sorted, func(a, b Window) int { return cmp.Compare(a.Start, b.Start) })
	out := sorted[:0]
	for _, w := range sorted {
		if last := len(out) - 1; last >= 0 && w.Start <= out[last].End {
			out[last].End = max(out[last].End, w.End)
			continue
		}
		out = append(out, w)
	}
	return out
}

// Slot is a place on a timeline: some resources for some time.
type Slot struct {
	Window
	Resources
}
