package node

import (
	"container/heap"
	"context"
	"time"

	"starling/node/store"
)

// agenda is what a broker has to do at certain times: expire offers, despatch
// what is due, end leases. An event is never taken back; when its time comes it
// looks whether it still applies.
type agenda struct {
	events eventHeap
	wake   chan struct{} // holds one token when the earliest event has changed
}

type event struct {
	at store.Millis
	do func(now store.Millis)
}

func newAgenda() agenda { return agenda{wake: make(chan struct{}, 1)} }

// at puts an event on the agenda; b.mu is held, then and when it happens.
func (b *Broker) at(when store.Millis, do func(now store.Millis)) {
	heap.Push(&b.agenda.events, event{when, do})
	if b.agenda.events[0].at == when {
		select {
		case b.agenda.wake <- struct{}{}:
		default:
		}
	}
}

// runAgenda does what is due until ctx ends.
func (b *Broker) runAgenda(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.agenda.wake:
		case <-timer.C:
		}
		timer.Reset(b.doDue())
	}
}

// maxDue bounds how many events are done under one lock.
const maxDue = 256

// doDue does what is due and returns how long nothing will be.
func (b *Broker) doDue() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for range maxDue {
		if len(b.agenda.events) == 0 {
			return time.Hour
		}
		if first := b.agenda.events[0]; first.at > now {
			return time.Duration(first.at-now) * time.Millisecond
		}
		heap.Pop(&b.agenda.events).(event).do(now)
	}
	return 0
}

// eventHeap orders events by their time.
type eventHeap []event

func (h eventHeap) Len() int           { return len(h) }
func (h eventHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h eventHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)        { *h = append(*h, e.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*h = old[:len(old)-1]
	return last
}
