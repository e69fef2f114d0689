package scheduling

import (
	"math"
	"math/bits"
)

// notes is what searches have found out about a block and later ones profit by: how long the runs inside the block
// are at most, for what is needed. Levels are relative to the block's shift, so notes outlive additions over the whole
// block; any other change makes them stale.
//
// Only runs that end at a step of the block count: what goes on into the next block is not the block's own business,
// and notes then don't depend on their neighbours.
type notes struct {
	surveyed bool
	stairs   [4]staircase // for cores, memory, storage and GPUs
	lessons  [lessonCount]lesson
	next     int // lesson to overwrite
}

// staircase bounds the runs by what is needed of one resource alone. The range of levels is cut into equal treads, and
// each tread knows the highest level on it and the longest run that keeps to that tread or a higher one. With no more
// levels than treads it is exact.
type staircase struct {
	low    int64 // where the first tread begins
	width  int   // of a tread, as a power of two
	treads [treads]tread
}

type tread struct {
	level int64
	span  Span
}

// lesson bounds the runs for all four resources together: where at least need is needed, none is longer than span.
type lesson struct {
	need Resources
	span Span
	set  bool
}

const (
	treads      = 16 // a kilobyte for each block
	lessonCount = 4  // needs come in few sizes
)

func (n *notes) stale() {
	n.surveyed = false
	for i := range n.lessons {
		n.lessons[i].set = false
	}
}

// short reports whether no run inside the block has room for need for as long as length. It may say no where the
// answer is yes.
func (blk *block) short(need Resources, length Span) bool {
	n := blk.notes
	for i := range n.lessons {
		l := &n.lessons[i]
		if l.set && l.span < length && l.need.within(&need) {
			return true
		}
	}
	if !n.surveyed {
		blk.survey()
	}
	if n.stairs[0].longest(need.Cores) < length || n.stairs[1].longest(need.Memory) < length ||
		n.stairs[2].longest(need.Storage) < length || n.stairs[3].longest(need.GPUs) < length {
		return true
	}
	return blk.learn(need) < length
}

// longest returns a bound on the runs with a level of at least need.
func (s *staircase) longest(need int64) Span {
	i := max(need-s.low, 0) >> s.width
	if i < treads && need > s.treads[i].level {
		i++ // no level of this tread is enough, all of the next are
	}
	if i >= treads {
		return 0
	}
	return s.treads[i].span
}

// survey builds the staircases.
func (blk *block) survey() {
	var column [blockSize + 1]int64
	levels := column[:len(blk.steps)]
	for r := range blk.notes.stairs {
		for i := range blk.steps {
			levels[i] = blk.steps[i].level.amount(r)
		}
		blk.notes.stairs[r].build(blk.steps, levels, blk.low.amount(r), blk.high.amount(r))
	}
	blk.notes.surveyed = true
}

// amount returns cores, memory, storage or GPUs by number.
func (r *Resources) amount(number int) int64 {
	switch number {
	case 0:
		return r.Cores
	case 1:
		return r.Memory
	case 2:
		return r.Storage
	}
	return r.GPUs
}

// build finds, for each step, the longest run in which it is the lowest, with a stack of the steps that have found
// nothing lower yet; their levels rise.
func (s *staircase) build(steps []step, levels []int64, low, high int64) {
	*s = staircase{low: low, width: bits.Len64(uint64(high-low) / treads)}
	for i := range s.treads {
		s.treads[i].level = low - 1
	}
	last := len(steps) - 1
	if low == high {
		s.treads[0] = tread{level: low, span: steps[last].at.Sub(steps[0].at)}
		return
	}
	levels[last] = low - 1 // ends all runs
	var open [blockSize + 1]struct {
		from  Instant
		level int64
	}
	top := 0
	for i, level := range levels {
		from := steps[i].at
		for top > 0 && open[top-1].level >= level {
			top--
			lowest := open[top]
			t := &s.treads[(lowest.level-low)>>s.width]
			t.level = max(t.level, lowest.level)
			t.span = max(t.span, steps[i].at.Sub(lowest.from))
			from = lowest.from
		}
		open[top].from, open[top].level = from, level
		top++
	}
	for i := treads - 2; i >= 0; i-- {
		s.treads[i].span = max(s.treads[i].span, s.treads[i+1].span)
	}
}

// learn finds the longest run inside the block that has room for need, and keeps the lesson for all needs that no step
// tells apart from this one.
func (blk *block) learn(need Resources) Span {
	last := len(blk.steps) - 1
	longest, running := Span(0), false
	start := Instant(0)
	below := Resources{lowest, lowest, lowest, lowest}
	for i := range blk.steps {
		level := &blk.steps[i].level
		if i < last && need.within(level) {
			if !running {
				start, running = blk.steps[i].at, true
			}
			continue
		}
		if running {
			longest, running = max(longest, blk.steps[i].at.Sub(start)), false
		}
		below.raise(level, &need)
	}
	n := blk.notes
	n.lessons[n.next] = lesson{need: below.Add(Resources{1, 1, 1, 1}).Min(need), span: longest, set: true}
	n.next = (n.next + 1) % lessonCount
	return longest
}

// lowest is below every level.
const lowest = math.MinInt64 / 2

// raise lifts b to those amounts of level that are above it but still less than needed.
func (b *Resources) raise(level, need *Resources) {
	if level.Cores > b.Cores && level.Cores < need.Cores {
		b.Cores = level.Cores
	}
	if level.Memory > b.Memory && level.Memory < need.Memory {
		b.Memory = level.Memory
	}
	if level.Storage > b.Storage && level.Storage < need.Storage {
		b.Storage = level.Storage
	}
	if level.GPUs > b.GPUs && level.GPUs < need.GPUs {
		b.GPUs = level.GPUs
	}
}
