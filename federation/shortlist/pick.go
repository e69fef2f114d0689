package shortlist

import (
	"cmp"
	"slices"

	"starling/scheduling"
	"starling/scheduling/placement"
)

// field is all that are able, side by side.
type field struct {
	scores  []float64
	options []placement.Option
	rooms   []int64
}

// compare orders by score, and those that a policy finds equal by their end.
func (f *field) compare(i, j int32) int {
	if by := cmp.Compare(f.scores[i], f.scores[j]); by != 0 {
		return by
	}
	const tick = scheduling.Instant(scheduling.Second) // less is no difference, as in package placement
	return cmp.Compare(f.options[i].End/tick, f.options[j].End/tick)
}

// pick chooses at most so many, and returns their places, the best first. So many arrivals may have taken the best
// places already, so it draws from the best that have room for them and as many as it takes, each with the chance of
// its share of that room; and from all that are as good as the last of these.
func (f *field) pick(arrivals float64, most int, draw func(n int) int) []int32 {
	h := newHeap(f)
	var pool []int32
	for total := 0.0; len(h.places) > 0; {
		best := h.pop()
		if len(pool) >= most && total >= arrivals && f.compare(best, pool[len(pool)-1]) > 0 {
			break
		}
		pool = append(pool, best)
		total += float64(f.rooms[best])
	}
	if len(pool) > most {
		pool = f.sample(pool, most, draw)
		slices.SortStableFunc(pool, f.compare)
	}
	return pool
}

// mostRoom bounds what counts of the room of one: no node is asked by all, however large it is.
const mostRoom = 1 << 10

// sample draws some of a pool, each with the chance of its share of the room.
func (f *field) sample(pool []int32, most int, draw func(n int) int) []int32 {
	weight := func(i int32) int { return int(min(max(f.rooms[i], 1), mostRoom)) }
	total := 0
	for _, i := range pool {
		total += weight(i)
	}
	for n := range most {
		at := draw(total)
		for j := n; j < len(pool); j++ {
			if at -= weight(pool[j]); at < 0 {
				pool[n], pool[j] = pool[j], pool[n]
				break
			}
		}
		total -= weight(pool[n])
	}
	return pool[:most]
}

// heap gives places, the best first. Of a thousand usually few are wanted, so it isn't worth sorting all.
type heap struct {
	*field
	places []int32
}

func newHeap(f *field) *heap {
	h := &heap{f, make([]int32, len(f.scores))}
	for i := range h.places {
		h.places[i] = int32(i)
	}
	for i := len(h.places)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
	return h
}

func (h *heap) pop() int32 {
	top, last := h.places[0], len(h.places)-1
	h.places[0] = h.places[last]
	h.places = h.places[:last]
	h.sink(0)
	return top
}

func (h *heap) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.places) {
			return
		}
		if child+1 < len(h.places) && h.compare(h.places[child+1], h.places[child]) < 0 {
			child++
		}
		if h.compare(h.places[child], h.places[i]) >= 0 {
			return
		}
		h.places[i], h.places[child] = h.places[child], h.places[i]
		i = child
	}
}
