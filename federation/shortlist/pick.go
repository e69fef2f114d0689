package shortlist

import "slices"

// pick chooses at most so many of those with these scores, of which less is better, and returns their places, the best
// first. So many arrivals may have taken the best places already, so it draws from the best that have room for them
// and as many as it takes, each with the chance of its share of that room; and from all that are as good as the last
// of these.
func pick(scores []float64, rooms []int64, arrivals float64, most int, draw func(n int) int) []int {
	if len(scores) <= most {
		all := make([]int, len(scores))
		for i := range all {
			all[i] = i
		}
		return byScore(all, scores)
	}
	h := newHeap(scores)
	var pool []int
	for total := 0.0; h.len() > 0; {
		best := h.pop()
		enough := len(pool) >= most && total >= arrivals
		if enough && scores[best] > scores[pool[len(pool)-1]] {
			break
		}
		pool = append(pool, best)
		total += float64(rooms[best])
	}
	if len(pool) > most {
		pool = sample(pool, rooms, most, draw)
	}
	return byScore(pool, scores)
}

// mostRoom bounds what counts of the room of one: no node is asked by all, however large it is.
const mostRoom = 1 << 10

// sample draws some of a pool, each with the chance of its share of the room.
func sample(pool []int, rooms []int64, most int, draw func(n int) int) []int {
	weight := func(i int) int { return int(min(max(rooms[i], 1), mostRoom)) }
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

func byScore(places []int, scores []float64) []int {
	slices.SortStableFunc(places, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	return places
}

// heap gives places in the order of their scores. Of a thousand usually few are wanted, so it is not worth sorting all.
type heap struct {
	scores []float64
	places []int32
}

func newHeap(scores []float64) *heap {
	h := &heap{scores, make([]int32, len(scores))}
	for i := range h.places {
		h.places[i] = int32(i)
	}
	for i := len(h.places)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
	return h
}

func (h *heap) len() int { return len(h.places) }

func (h *heap) pop() int {
	top, last := h.places[0], len(h.places)-1
	h.places[0] = h.places[last]
	h.places = h.places[:last]
	h.sink(0)
	return int(top)
}

func (h *heap) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.places) {
			return
		}
		if child+1 < len(h.places) && h.scores[h.places[child+1]] < h.scores[h.places[child]] {
			child++
		}
		if h.scores[h.places[child]] >= h.scores[h.places[i]] {
			return
		}
		h.places[i], h.places[child] = h.places[child], h.places[i]
		i = child
	}
}
