package scheduling

// Query asks for the earliest slot on a timeline.
type Query struct {
	Need     Resources
	Duration Span
	// The slot may start in [NotBefore, NotAfter].
	NotBefore, NotAfter Instant
	// Starts are the windows in which alone the slot may start, within those two; nil: at any time between them.
	Starts Starts
	// HeldUntil is until when an offer may be accepted. A slot that starts earlier must still be startable then, so
	// what is sought is [s, max(s, HeldUntil) + Duration), or to NotAfter + Duration if that comes first, since the
	// work may not start later. Zero if there is no such wish.
	HeldUntil Instant
	// HoldShare is the share of the pool that overlapping holds may take; the slot found may be held under that limit.
	// Zero for a slot that is to be booked at once.
	HoldShare float64
}

// EarliestFit returns the earliest slot that answers the query, as long as it must be held. Where there are windows for
// its start it looks at so many of them only (maxTries) at which the pool is not plainly full.
func (t *Timeline) EarliestFit(q Query) (Slot, bool) {
	if q.Starts != nil {
		return t.fitWindows(q)
	}
	if !q.Need.valid() || q.Duration <= 0 || q.Duration > MaxSpan {
		return Slot{}, false
	}
	s := search{
		need:      q.Need,
		from:      max(q.NotBefore, t.floor, Beginning+1),
		latest:    min(q.NotAfter, Forever-1),
		length:    q.Duration,
		heldUntil: min(q.HeldUntil, q.NotAfter),
		enough:    Forever,
	}
	start, found := t.free.seek(s)
	for found && q.HoldShare > 0 {
		// Each search finds the first start of its own kind from there on; where they agree is the first of both. Every
		// round passes at least one stretch of holds, so there are no more rounds than holds.
		s.from = start
		held := s
		held.need, held.zero = q.Need.Sub(t.capacity.Scale(q.HoldShare)), true
		s.from, found = t.held.seek(held)
		if !found || s.from == start {
			break
		}
		start, found = t.free.seek(s)
	}
	if !found {
		return Slot{}, false
	}
	slot := Slot{Window{start, s.end(start)}, q.Need}
	return slot, slot.Window.valid()
}

// Spare returns the most that one slot could have throughout a window, resource by resource; negative where the pool
// is over its capacity. With a share above zero, it is what one more hold could have.
func (t *Timeline) Spare(w Window, share float64) Resources {
	if w.Empty() {
		return Resources{}
	}
	spare := t.free.least(w)
	if share > 0 {
		spare = spare.Min(t.capacity.Scale(share).Add(t.held.least(w)))
	}
	return spare
}

// fits reports whether a slot is free.
func (t *Timeline) fits(s Slot) bool {
	return s.Start >= t.floor && s.Resources.Fits(t.free.least(s.Window))
}
