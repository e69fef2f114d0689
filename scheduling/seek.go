package scheduling

// search asks a profile for the earliest start in [from, latest] at which need is free for long enough: until
// max(start, heldUntil) + length, or until enough if that comes first.
type search struct {
	need         Resources
	from, latest Instant
	length       Span
	heldUntil    Instant
	enough       Instant
	// zero: a level of exactly nothing is as good as one that has room for need.
	zero bool
}

// end returns how long need must be free if it starts at start.
func (s *search) end(start Instant) Instant {
	return min(max(start, s.heldUntil).Add(s.length), s.enough)
}

// seek answers the search.
//
// It walks over the blocks once. start is the beginning of the run of good steps that the walk is in, if it is in one.
func (p *profile) seek(s search) (start Instant, found bool) {
	if s.from > s.latest {
		return 0, false
	}
	b, i := p.find(s.from)
	running, walked := false, 0
	for ; b < len(p.blocks); b, i = b+1, 0 {
		blk := &p.blocks[b]
		if running && blk.at >= s.end(start) {
			return start, true
		}
		if !running && max(blk.at, s.from) > s.latest {
			return 0, false
		}
		need := s.need.Sub(blk.shift)
		if !need.within(&blk.high) && !(s.zero && blk.mayBeZero()) {
			running = false
			continue
		}
		if need.within(&blk.low) {
			if !running {
				start, running = max(blk.at, s.from), true
			}
			continue
		}
		walked++
		whole := i == 0 && blk.at >= s.from && p.blockEnd(b) <= s.enough && !s.zero
		if whole && (walked > p.patience || blk.notes.surveyed) && blk.short(need, s.length) {
			start, running, found = blk.skip(&s, need, start, running)
		} else {
			start, running, found = blk.walk(&s, need, i, start, running)
		}
		if found {
			return start, true
		}
	}
	return start, running
}

// mayBeZero reports whether some step could have a level of exactly nothing.
func (blk *block) mayBeZero() bool {
	void := blk.shift.Neg()
	return blk.low.within(&void) && void.within(&blk.high)
}

// skip passes over a block with no run inside that is long enough. What may still be is a run that came in from the
// block before, or one that goes on into the next.
func (blk *block) skip(s *search, need Resources, start Instant, running bool) (Instant, bool, bool) {
	if running {
		first := 0
		for need.within(&blk.steps[first].level) { // some step doesn't, or the block would have been passed whole
			first++
		}
		if blk.steps[first].at >= s.end(start) {
			return start, true, true
		}
	}
	last := len(blk.steps)
	for need.within(&blk.steps[last-1].level) {
		last--
	}
	if last == len(blk.steps) || blk.steps[last].at > s.latest {
		return start, false, false
	}
	return blk.steps[last].at, true, false
}

// walk looks through the steps of one block from i on. need is relative to the block's shift.
func (blk *block) walk(s *search, need Resources, i int, start Instant, running bool) (Instant, bool, bool) {
	steps, void, zero := blk.steps, blk.shift.Neg(), s.zero
	end := Forever
	if running {
		end = s.end(start)
	}
	for {
		if !running {
			for i < len(steps) && !need.within(&steps[i].level) && !(zero && steps[i].level == void) {
				i++
			}
			if i == len(steps) {
				return start, false, false
			}
			start = max(steps[i].at, s.from)
			if start > s.latest {
				return start, false, false
			}
			running, end = true, s.end(start)
		}
		for i < len(steps) && steps[i].at < end && (need.within(&steps[i].level) || zero && steps[i].level == void) {
			i++
		}
		if i == len(steps) {
			return start, true, false
		}
		if steps[i].at >= end {
			return start, true, true
		}
		running = false
	}
}

// least returns the pointwise least level in a window.
func (p *profile) least(w Window) Resources {
	b, i := p.find(w.Start)
	least := p.blocks[b].steps[i].level.Add(p.blocks[b].shift)
	p.fold(w, func(low, _ Resources) { least = least.Min(low) })
	return least
}

// greatest returns the pointwise greatest level in a window.
func (p *profile) greatest(w Window) Resources {
	b, i := p.find(w.Start)
	greatest := p.blocks[b].steps[i].level.Add(p.blocks[b].shift)
	p.fold(w, func(_, high Resources) { greatest = greatest.Max(high) })
	return greatest
}

// fold shows visit the least and greatest level of each part of a window: whole blocks or single steps.
func (p *profile) fold(w Window, visit func(low, high Resources)) {
	b, i := p.find(w.Start)
	for ; b < len(p.blocks) && p.blocks[b].at < w.End; b, i = b+1, 0 {
		blk := &p.blocks[b]
		if i == 0 && p.blockEnd(b) <= w.End {
			visit(blk.low.Add(blk.shift), blk.high.Add(blk.shift))
			continue
		}
		for ; i < len(blk.steps) && blk.steps[i].at < w.End; i++ {
			level := blk.steps[i].level.Add(blk.shift)
			visit(level, level)
		}
	}
}

// each shows visit the steps of a window in order, cut to it, until visit returns false.
func (p *profile) each(w Window, visit func(Slot) bool) {
	b, i := p.find(w.Start)
	for ; b < len(p.blocks) && p.blocks[b].at < w.End; b, i = b+1, 0 {
		blk := &p.blocks[b]
		for ; i < len(blk.steps) && blk.steps[i].at < w.End; i++ {
			part := Window{blk.steps[i].at, p.stepEnd(b, i)}.Intersect(w)
			if !visit(Slot{part, blk.steps[i].level.Add(blk.shift)}) {
				return
			}
		}
	}
}
