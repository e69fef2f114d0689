package scheduling

// An Obstacle is what kept work from starting at an instant, as the timeline has it.
type Obstacle struct {
	// Closed says that the pool doesn't work just before.
	Closed bool
	// Lacks are the resources of which too little was free just before. Without any,
	// there was room, and it was something else.
	Lacks []Lack
	// Ending are how many holds and bookings come to their end until then, as many as
	// were counted at most.
	Ending int
}

// Obstacle says what keeps work of a size from starting between two instants, at the
// second of which it can. What ends between them is counted, up to so many: the time
// that it takes grows with them, and not with the timeline.
func (t *Timeline) Obstacle(need Resources, from, start Instant, most int) Obstacle {
	before := max(start-1, t.floor)
	o := Obstacle{Closed: len(t.windows) > 0, Ending: t.ends.until(0, from, start, most)}
	for _, w := range t.windows {
		if w.Start <= before && before < w.End {
			o.Closed = false
			break
		}
	}
	if !o.Closed {
		o.Lacks = need.Lacking(t.free.level(before))
	}
	return o
}

// until counts what ends after an instant and at another at the latest, below a place
// of the heap: whatever lies below what ends later ends later, too.
func (h byEnd) until(place int, after, end Instant, most int) (n int) {
	if most <= 0 || place >= len(h) || h[place].Slot.End > end {
		return 0
	}
	if h[place].Slot.End > after {
		n = 1
	}
	n += h.until(2*place+1, after, end, most-n)
	return n + h.until(2*place+2, after, end, most-n)
}
