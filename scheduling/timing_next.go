package scheduling

// Next returns the first window, ending no earlier than after, in which the next execution may begin, given what has
// been executed; false if there is none. Both ends of the window are included. It may have begun before after, and ends
// at Forever where no start is too late. It takes the same short time wherever after is.
func (t Timing) Next(after Instant, done Executed) (StartInterval, bool) {
	if t.Maximum > 0 && done.Count >= t.Maximum || done.Count > 0 && !t.Repeats() {
		return StartInterval{}, false
	}
	w := t.bounds()
	switch t.Kind {
	case Fixed:
		w.Earliest, w.Latest = max(w.Earliest, t.At-Instant(t.Slack)), min(w.Latest, t.At.Add(t.Slack))
	case MinimumInterval:
		if done.Count > 0 {
			w.Earliest = max(w.Earliest, done.Ended.Add(t.Interval))
		}
	case Monitor, Ephemeris:
		if first, known := t.origin(done); known {
			w = t.window(first, t.next(first, after, done)).within(w)
		}
	}
	return w, w.Earliest <= w.Latest && w.Latest >= after
}

// Passed returns how many windows ended from an instant on and before another, in which an execution could have begun.
// Of a timing without separate windows that is none.
func (t Timing) Passed(from, until Instant, done Executed) int64 {
	first, known := t.origin(done)
	if !known || t.Kind != Monitor && t.Kind != Ephemeris {
		return 0
	}
	end, last := t.next(first, until, done), t.bounds().Latest
	if all := floorDiv(int64(last-first), int64(t.Period)) + 1; until > last || end > all {
		end = all
	}
	return max(0, end-t.next(first, from, done))
}

// bounds is Start with real instants for its ends.
func (t Timing) bounds() StartInterval {
	w := StartInterval{Earliest: Beginning, Latest: Forever}
	if t.Start.Earliest != 0 {
		w.Earliest = t.Start.Earliest
	}
	if t.Start.Latest != 0 {
		w.Latest = t.Start.Latest
	}
	return w
}

// origin is where the window of index 0 begins; that of a monitor without a beginning is known once it was executed.
func (t Timing) origin(done Executed) (first Instant, known bool) {
	switch {
	case t.Kind == Ephemeris:
		return t.At + Instant(t.Phase) - Instant(t.Window/2), true
	case t.Start.Earliest != 0:
		return t.Start.Earliest, true
	}
	return done.First, done.Count > 0
}

// window is the window of an index. A window as long as the period leaves its last instant to the next one.
func (t Timing) window(first Instant, index int64) StartInterval {
	start := first + Instant(index)*Instant(t.Period)
	return StartInterval{Earliest: start, Latest: start + Instant(min(t.Window, t.Period-1))}
}

// next is the index of the first window that ends no earlier than an instant, and that none of the executions has used.
func (t Timing) next(first, after Instant, done Executed) int64 {
	return max(t.index(first, after), t.index(first, t.bounds().Earliest), t.unused(first, done))
}

// index is that of the first window which ends no earlier than an instant.
func (t Timing) index(first, at Instant) int64 {
	length := Instant(min(t.Window, t.Period-1))
	return -floorDiv(int64(first+length-at), int64(t.Period))
}

// unused is the index of the first window after that in which the last execution began.
func (t Timing) unused(first Instant, done Executed) int64 {
	if done.Count == 0 {
		return -1 << 62
	}
	return floorDiv(int64(done.Last-first), int64(t.Period)) + 1
}

// within returns what lies in both intervals, which may be nothing.
func (i StartInterval) within(j StartInterval) StartInterval {
	return StartInterval{Earliest: max(i.Earliest, j.Earliest), Latest: min(i.Latest, j.Latest)}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Most returns how many more executions there can be from an instant on if each takes so long, and whether there is a
// limit at all.
func (t Timing) Most(from Instant, length Span, done Executed) (n int64, limited bool) {
	first, ok := t.Next(from, done)
	if !ok {
		return 0, true
	}
	n, limited = 1, !t.Repeats()
	if last := t.bounds().Latest; t.Repeats() && last < Forever {
		n, limited = 1+floorDiv(int64(last-t.begins(first, from, done)), int64(t.step(length))), true
	}
	if t.Maximum > 0 {
		left := int64(t.Maximum - done.Count)
		if !limited || left < n {
			n, limited = left, true
		}
	}
	return n, limited
}

// begins is from where the executions are counted of which the first may begin in a window.
func (t Timing) begins(w StartInterval, from Instant, done Executed) Instant {
	if first, known := t.origin(done); known && t.Kind != MinimumInterval {
		return first + Instant(floorDiv(int64(w.Earliest-first), int64(t.Period)))*Instant(t.Period)
	}
	return max(w.Earliest, from)
}

// step is how far apart executions begin at least, if each takes so long.
func (t Timing) step(length Span) Span {
	if t.Kind == MinimumInterval {
		return t.Interval + length
	}
	return t.Period
}
