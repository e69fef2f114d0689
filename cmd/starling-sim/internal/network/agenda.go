package network

import "container/heap"

// kind is what happens at an instant of a run of gossip.
type kind uint8

const (
	ticks    kind = iota // a node sends packets
	arrives              // a packet
	compares             // a node compares all it knows with another
	changes              // somewhere
	follows              // a change that is followed
	again                // a node tells its news once more
)

type delivery struct {
	at    float64 // seconds
	order uint64  // of two at the same time, the one that was put there first
	kind  kind
	node  int32
	items []item
}

// deliveries is a heap, the next one on top.
type deliveries []delivery

func (d deliveries) Len() int { return len(d) }
func (d deliveries) Less(i, j int) bool {
	if d[i].at != d[j].at {
		return d[i].at < d[j].at
	}
	return d[i].order < d[j].order
}
func (d deliveries) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deliveries) Push(x any)   { *d = append(*d, x.(delivery)) }
func (d *deliveries) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}

func (s *spread) push(d delivery) {
	s.order++
	d.order = s.order
	heap.Push(&s.agenda, d)
}
