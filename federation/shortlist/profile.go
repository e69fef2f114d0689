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

// never is when the last point ceases to hold.
const never = scheduling.MaxSpan

// earliest returns the earliest start, no sooner than from, of something that needs so much for so long, and how many
// such there is room for then. Not ok: nothing in the profile is free for so long.
func (o *outlook) earliest(need *scheduling.Resources, length scheduling.Span, from scheduling.Instant) (start scheduling.Instant, room int64, ok bool) {
	soonest := from.Sub(o.made)
	var begin scheduling.Span
	var least scheduling.Resources // that is free since then
	running := false
	for i := range o.points {
		p, end := &o.points[i], never
		if i+1 < len(o.points) {
			end = o.points[i+1].After
		}
		if end <= soonest {
			continue
		}
		switch {
		case !fits(need, &p.Free):
			running = false
			continue
		case !running:
			running, begin, least = true, max(soonest, p.After), p.Free
		default:
			least = least.Min(p.Free)
		}
		if end-begin >= length {
			return o.made.Add(begin), times(need, &least), true
		}
	}
	return 0, 0, false
}

// fits is Resources.Fits without copies: it is asked some ten thousand times for one request.
func fits(need, free *scheduling.Resources) bool {
	return need.Cores <= free.Cores && need.Memory <= free.Memory && need.Storage <= free.Storage && need.GPUs <= free.GPUs
}

// times is how often a need, which is not nothing, fits into what is free, where it fits once.
func times(need, free *scheduling.Resources) int64 {
	n := int64(math.MaxInt32)
	for _, r := range [...][2]int64{{need.Cores, free.Cores}, {need.Memory, free.Memory}, {need.Storage, free.Storage}, {need.GPUs, free.GPUs}} {
		if r[0] > 0 {
			n = min(n, r[1]/r[0])
		}
	}
	return n
}

// reach is how far profiles tell what is free.
const reach = scheduling.Day

// beyond guesses when something fits for which the profile has no room: when the time that the profile tells of is
// over, and what waits there already has run.
func (o *outlook) beyond(length scheduling.Span, from scheduling.Instant) scheduling.Instant {
	return max(from, o.made.Add(reach)).Add(min(length, reach) * scheduling.Span(1+o.rounds))
}

// without returns the outlook less what is placed, as far as it has room for that. Its points are put into a buffer.
func (o outlook) without(placed []sent, buffer *[]digest.Point) outlook {
	if len(placed) == 0 {
		return o
	}
	points := append((*buffer)[:0], o.points...)
	for _, p := range placed {
		points = cut(points, p.Start.Sub(o.made))
		points = cut(points, p.End.Sub(o.made))
		for i := range points {
			if at := o.made.Add(points[i].After); p.Start <= at && at < p.End {
				points[i].Free = points[i].Free.Sub(p.Resources).Max(scheduling.Resources{})
			}
		}
	}
	*buffer, o.points = points, points
	return o
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
func (o *outlook) start(need *scheduling.Resources, length scheduling.Span, from scheduling.Instant) (scheduling.Instant, int64) {
	if start, room, ok := o.earliest(need, length, from); ok {
		return start, room
	}
	return o.beyond(length, from), 1
}
