package scheduling

// Level says how much is free from an instant on, until the next level.
type Level struct {
	At   Instant
	Free Resources // negative where the pool is over its capacity
}

// Free returns what is free at an instant.
func (t *Timeline) Free(at Instant) Resources { return t.free.level(max(at, t.floor)) }

// Largest returns the most that is ever free in a window, resource by resource: nothing larger can start in it.
func (t *Timeline) Largest(w Window) Resources {
	w.Start = max(w.Start, t.floor)
	if w.Empty() {
		return Resources{}
	}
	return t.free.greatest(w)
}

// Usage appends at most limit levels that describe a window and returns the extended slice. If there are more steps
// than that, the window is cut into limit equal parts, each with the least that is free in it, so that what a digest
// tells is never more than there is.
func (t *Timeline) Usage(w Window, limit int, to []Level) []Level {
	w.Start = max(w.Start, t.floor)
	if w.Empty() || limit <= 0 {
		return to
	}
	exact := len(to)
	t.free.each(w, func(s Slot) bool {
		to = append(to, Level{s.Start, s.Resources})
		return len(to)-exact <= limit
	})
	if len(to)-exact <= limit {
		return to
	}
	to = to[:exact]
	part := (w.Length() + Span(limit) - 1) / Span(limit)
	for at := w.Start; at < w.End; at = at.Add(part) {
		free := t.free.least(at.From(part).Intersect(w))
		if last := len(to) - 1; last >= exact && to[last].Free == free {
			continue
		}
		to = append(to, Level{at, free})
	}
	return to
}
