package scheduling

import (
	"slices"
	"sort"
)

// profile is a step function from instants to resources, from the beginning of time to its end.
//
// Its steps stand in blocks of a few hundred. A block carries the least and the greatest level of its steps, so that
// searches pass over it whole, and a shift that counts for all of its steps, so that adding something over a long
// window touches the blocks in the middle once each. See DESIGN.md for why this and not a balanced tree.
//
// Invariants: there is at least one block, no block is empty, the first step is at Beginning, and two neighbouring
// steps differ in level.
type profile struct {
	blocks []block
	size   int // steps at which a block is split
	// patience is how many blocks a search walks through before it looks at notes.
	patience int
}

// step says that from an instant on, until the next step, the level is this.
type step struct {
	at    Instant
	level Resources // without the block's shift
}

type block struct {
	at        Instant   // of the first step
	shift     Resources // counts for every step
	low, high Resources // least and greatest over the steps, without the shift
	steps     []step
	notes     *notes
}

const (
	// blockSize balances two costs at 200,000 steps: a change moves and sums up a block or two (5 µs), a long search
	// looks at the summary of every block (15 µs).
	blockSize = 512
	// patience: most searches end within a few blocks, and small timelines have no more; notes would cost them time.
	patience = 3
)

func newProfile(level Resources) profile {
	first := block{at: Beginning, notes: new(notes), steps: []step{{at: Beginning, level: level}}}
	first.summarise()
	return profile{blocks: []block{first}, size: blockSize, patience: patience}
}

// find returns the step that holds at an instant: its block and its place in there.
func (p *profile) find(at Instant) (b, i int) {
	b = sort.Search(len(p.blocks), func(k int) bool { return p.blocks[k].at > at }) - 1
	steps := p.blocks[b].steps
	i = sort.Search(len(steps), func(k int) bool { return steps[k].at > at }) - 1
	return b, i
}

// blockEnd returns the instant at which the block's last step ends.
func (p *profile) blockEnd(b int) Instant {
	if b+1 < len(p.blocks) {
		return p.blocks[b+1].at
	}
	return Forever
}

// stepEnd returns the instant at which a step ends.
func (p *profile) stepEnd(b, i int) Instant {
	if i+1 < len(p.blocks[b].steps) {
		return p.blocks[b].steps[i+1].at
	}
	return p.blockEnd(b)
}

// level returns the level at an instant.
func (p *profile) level(at Instant) Resources {
	b, i := p.find(at)
	return p.blocks[b].steps[i].level.Add(p.blocks[b].shift)
}

// add changes the level by delta throughout the window.
func (p *profile) add(w Window, delta Resources) {
	if w.Empty() || delta.IsZero() {
		return
	}
	p.cut(w.Start)
	if w.End < Forever {
		p.cut(w.End)
	}
	b, i := p.find(w.Start)
	for ; b < len(p.blocks) && p.blocks[b].at < w.End; b, i = b+1, 0 {
		if i == 0 && p.blockEnd(b) <= w.End {
			p.blocks[b].shift = p.blocks[b].shift.Add(delta)
			continue
		}
		p.blocks[b].add(i, w.End, delta)
	}
	p.join(w.Start)
	if w.End < Forever {
		p.join(w.End)
	}
}

// cut sees to it that a step begins at an instant.
func (p *profile) cut(at Instant) {
	b, i := p.find(at)
	blk := &p.blocks[b]
	if blk.steps[i].at == at {
		return
	}
	blk.steps = slices.Insert(blk.steps, i+1, step{at: at, level: blk.steps[i].level})
	if len(blk.steps) > p.size {
		p.split(b)
	}
}

// split halves a block.
func (p *profile) split(b int) {
	blk := &p.blocks[b]
	half := len(blk.steps) / 2
	if b == len(p.blocks)-1 {
		half = len(blk.steps) * 7 / 8 // the future grows at its end, so leave full blocks behind
	}
	right := block{
		at: blk.steps[half].at, shift: blk.shift, steps: make([]step, len(blk.steps)-half, p.size+1), notes: new(notes),
	}
	copy(right.steps, blk.steps[half:])
	blk.steps = blk.steps[:half]
	blk.summarise()
	right.summarise()
	p.blocks = slices.Insert(p.blocks, b+1, right)
}

// join removes the step that begins at an instant if it doesn't differ from the one before.
func (p *profile) join(at Instant) {
	b, i := p.find(at)
	blk := &p.blocks[b]
	if blk.steps[i].at != at || at == Beginning {
		return
	}
	before := Resources{}
	if i > 0 {
		before = blk.steps[i-1].level
	} else {
		prev := &p.blocks[b-1]
		before = prev.steps[len(prev.steps)-1].level.Add(prev.shift).Sub(blk.shift)
	}
	if before != blk.steps[i].level {
		return
	}
	blk.steps = slices.Delete(blk.steps, i, i+1)
	if len(blk.steps) == 0 {
		p.blocks = slices.Delete(p.blocks, b, b+1)
		return
	}
	if i == 0 {
		blk.at = blk.steps[0].at
		blk.summarise()
	}
	p.shrink(b)
}

// shrink joins a block with the next one if together they are less than half full.
func (p *profile) shrink(b int) {
	if b+1 >= len(p.blocks) || len(p.blocks[b].steps)+len(p.blocks[b+1].steps) > p.size/2 {
		return
	}
	left, right := &p.blocks[b], &p.blocks[b+1]
	rise := right.shift.Sub(left.shift)
	for _, s := range right.steps {
		left.steps = append(left.steps, step{at: s.at, level: s.level.Add(rise)})
	}
	left.summarise()
	p.blocks = slices.Delete(p.blocks, b+1, b+2)
}

// forget drops the steps that end before an instant; what the profile said of that time is lost.
func (p *profile) forget(before Instant) {
	b, i := p.find(before)
	p.blocks = slices.Delete(p.blocks, 0, b)
	first := &p.blocks[0]
	first.steps = slices.Delete(first.steps, 0, i)
	first.steps[0].at, first.at = Beginning, Beginning
	first.summarise()
}

// add changes the level by delta from step i on, for steps that begin before end.
func (blk *block) add(i int, end Instant, delta Resources) {
	for ; i < len(blk.steps) && blk.steps[i].at < end; i++ {
		blk.steps[i].level = blk.steps[i].level.Add(delta)
	}
	blk.summarise()
}

// summarise brings the block's summary up to date with its steps.
func (blk *block) summarise() {
	low, high := blk.steps[0].level, blk.steps[0].level
	for i := range blk.steps[1:] {
		level := &blk.steps[i+1].level
		low, high = low.Min(*level), high.Max(*level)
	}
	blk.low, blk.high = low, high
	blk.notes.stale()
}
