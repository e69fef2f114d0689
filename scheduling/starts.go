package scheduling

// Starts gives the windows in which something may start: the first that ends no earlier than an instant, both its ends
// included, or false where there are no more. Windows are in order and apart.
type Starts func(from Instant) (StartInterval, bool)

// Starts gives the windows in which the next execution may begin, given what has been executed.
func (t Timing) Starts(done Executed) Starts {
	return func(from Instant) (StartInterval, bool) { return t.Next(from, done) }
}

// Timed returns the demand with the starts that a timing allows from now on, before anything is executed; false if it
// allows none.
func (d Demand) Timed(t Timing, now Instant) (Demand, bool) {
	w, ok := t.Next(now, Executed{})
	if !ok {
		return d, false
	}
	d.Start = StartInterval{}
	if w.Earliest > Beginning {
		d.Start.Earliest = w.Earliest
	}
	if t.Repeats() {
		d.Start.Latest, d.Starts = t.Start.Latest, t.Starts(Executed{})
	} else if w.Latest < Forever {
		d.Start.Latest = w.Latest
	}
	return d, true
}

// Earlier gives windows that are all a span earlier: those for the preparation that takes so long.
func (s Starts) Earlier(by Span) Starts {
	if s == nil || by == 0 {
		return s
	}
	return func(from Instant) (StartInterval, bool) {
		w, ok := s(from.Add(by))
		return StartInterval{Earliest: w.Earliest - Instant(by), Latest: w.Latest - Instant(by)}, ok
	}
}

// maxTries bounds in how many windows one search looks for a slot.
const maxTries = 256

// fitWindows answers a query whose slot may start in certain windows only.
func (t *Timeline) fitWindows(q Query) (Slot, bool) {
	starts, from := q.Starts, q.NotBefore
	q.Starts = nil
	for range maxTries {
		w, ok := starts(from)
		if !ok || w.Earliest > q.NotAfter {
			return Slot{}, false
		}
		here := q
		here.NotBefore, here.NotAfter = max(q.NotBefore, w.Earliest), min(q.NotAfter, w.Latest)
		if slot, ok := t.EarliestFit(here); ok {
			return slot, true
		}
		// Windows before the next room for a slot that needn't be kept for a while need no look.
		bare := q
		bare.NotBefore, bare.HeldUntil = here.NotAfter+1, 0
		next, ok := t.EarliestFit(bare)
		if !ok {
			return Slot{}, false
		}
		from = next.Start
	}
	return Slot{}, false
}
