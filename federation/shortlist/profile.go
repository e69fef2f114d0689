package shortlist

import (
	"math"

	"starling/federation/digest"
	"starling/scheduling"
)

// outlook is what a node is expected to have free: a profile, and when it was made.
type outlook struct {
	made   scheduling.Instant
	points []digest.Point
	rounds int // how often all that runs is replaced before the queue is through
}

// begins is when a point begins to hold.
func (o outlook) begins(i int) scheduling.Instant { return o.made.Add(o.points[i].After) }

// ends is when a point ceases to hold; the last one never does.
func (o outlook) ends(i int) scheduling.Instant {
	if i+1 < len(o.points) {
		return o.begins(i + 1)
	}
	return scheduling.Forever
}

// earliest returns the earliest start, no sooner than from, of something that needs so much for so long, and how many
// such there is room for then. Not ok: nothing in the profile is free for so long.
func (o outlook) earliest(need scheduling.Resources, length scheduling.Span, from scheduling.Instant) (start scheduling.Instant, room int64, ok bool) {
	for i := range o.points {
		end := o.ends(i)
		if end <= from {
			continue
		}
		here := times(need, o.points[i].Free)
		if here == 0 {
			room = 0
			continue
		}
		if room == 0 {
			start, room = max(from, o.begins(i)), here
		}
		if room = min(room, here); end.Sub(start) >= length {
			return start, room, true
		}
	}
	return 0, 0, false
}

// times is how often a need fits into what is free.
func times(need, free scheduling.Resources) int64 {
	n := int64(math.MaxInt32)
	for _, r := range [...][2]int64{{need.Cores, free.Cores}, {need.Memory, free.Memory}, {need.Storage, free.Storage}, {need.GPUs, free.GPUs}} {
		if r[0] <= 0 {
			continue
		}
		if r[1] < r[0] {
			return 0
		}
		n = min(n, r[1]/r[0])
	}
	return n
}

// reach is how far profiles tell what is free.
const reach = scheduling.Day

// beyond guesses when something fits for which the profile has no room: when the time that the profile tells of is
// over, and what waits there already has run.
func (o outlook) beyond(length scheduling.Span, from scheduling.Instant) scheduling.Instant {
	return max(from, o.made.Add(reach)).Add(min(length, reach) * scheduling.Span(1+o.rounds))
}

// without returns the outlook less what is placed, as far as it has room for that.
func (o outlook) without(placed []sent) outlook {
	if len(placed) == 0 || len(o.points) == 0 {
		return o
	}
	points := append(make([]digest.Point, 0, len(o.points)+2*len(placed)), o.points...)
	for _, p := range placed {
		points = cut(points, p.Start.Sub(o.made))
		points = cut(points, p.End.Sub(o.made))
		for i := range points {
			if at := o.made.Add(points[i].After); p.Start <= at && at < p.End {
				points[i].Free = points[i].Free.Sub(p.Resources).Max(scheduling.Resources{})
			}
		}
	}
	return outlook{o.made, points, o.rounds}
}

// cut sees to it that a point begins at an instant, unless that lies before the first.
func cut(points []digest.Point, after scheduling.Span) []digest.Point {
	for i := len(points) - 1; i >= 0; i-- {
		if points[i].After == after {
			return points
		}
		if points[i].After < after {
			points = append(points, digest.Point{})
			copy(points[i+2:], points[i+1:])
			points[i+1] = digest.Point{After: after, Free: points[i].Free}
			return points
		}
	}
	return points
}

// start is when something fits, or is guessed to, and for how many such there is room then.
func (o outlook) start(need scheduling.Resources, length scheduling.Span, from scheduling.Instant) (scheduling.Instant, int64) {
	if start, room, ok := o.earliest(need, length, from); ok {
		return start, room
	}
	return o.beyond(length, from), 1
}
