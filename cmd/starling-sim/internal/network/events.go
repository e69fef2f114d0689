package network

import (
	"cmp"
	"container/heap"

	"starling/scheduling"
)

// happening is what happens at an instant, in this order.
type happening uint8

const (
	ends happening = iota
	comes
	starts
	tells
	repeats
)

type event struct {
	at   scheduling.Instant
	kind happening
	of   int // a job, or a site
}

// events is a heap, the next one on top.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(e[i].at, e[j].at), cmp.Compare(e[i].kind, e[j].kind), cmp.Compare(e[i].of, e[j].of)) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

func (w *world) push(e event) { heap.Push(&w.agenda, e) }
