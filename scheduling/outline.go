package scheduling

import "slices"

// Level says how much is free from an instant on, until the next level.
type Level struct {
	At   Instant
	Free Resources // negative where the pool is over its capacity
}

// Free returns what is free at an instant.
func (t *Timeline) Free(at Instant) Resources { return t.free.level(max(at, t.floor)) }

// Outline describes a window in at most limit levels: how much of each resource one
// of the timelines has free from each level's instant until the next. Where timelines
// differ, none may have all of it. The first level is at the window's start.
//
// If there are more steps than that, the window is cut into parts, short ones first
// and ever longer ones later, each with the least that is free in it: what an outline
// tells is never more than some timeline has. The parts begin at round instants, so
// that two outlines a moment apart differ as little as the timelines do.
func Outline(lines []*Timeline, w Window, limit int) []Level {
	if len(lines) == 0 || w.Empty() || limit <= 0 {
		return nil
	}
	starts, few := steps(lines, w, limit)
	if !few {
		starts = parts(w, limit)
	}
	var levels []Level
	for i, start := range starts {
		part := Window{start, w.End}
		if i+1 < len(starts) {
			part.End = starts[i+1]
		}
		most := lines[0].free.least(part)
		for _, line := range lines[1:] {
			most = most.Max(line.free.least(part))
		}
		if i == 0 || levels[len(levels)-1].Free != most {
			levels = append(levels, Level{start, most})
		}
	}
	return levels
}

// steps lists the instants in a window at which some timeline changes, if they are
// few enough.
func steps(lines []*Timeline, w Window, limit int) (starts []Instant, few bool) {
	for _, line := range lines {
		n := 0
		line.free.each(w, func(s Slot) bool {
			starts = append(starts, s.Start)
			n++
			return n <= limit
		})
		if n > limit {
			return nil, false
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	return starts, len(starts) <= limit
}

// parts lists the instants at which a window is cut: four of some length, and then two
// or three of each length twice the one before.
func parts(w Window, limit int) []Instant {
	doublings := max(0, (limit-5)/3)
	unit := max(1, w.Length()/(4<<doublings))
	starts := []Instant{w.Start}
	for at := w.Start; len(starts) < limit; {
		if Span(at-w.Start) >= 4*unit {
			unit *= 2
		}
		if at = at - at%Instant(unit) + Instant(unit); at >= w.End {
			break
		}
		starts = append(starts, at)
	}
	return starts
}
