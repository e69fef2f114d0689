package scheduling

import (
	"container/heap"
	"fmt"
	"slices"
)

// Timeline is a pool's free resources over time, with the holds and bookings that take the rest.
//
// A Timeline is not safe for concurrent use: its owner guards every call, queries included, with one mutex.
type Timeline struct {
	capacity Resources
	windows  []Window // in order, apart; nil: always
	floor    Instant  // nothing is known of the time before

	free profile // capacity within the windows, less every group's peak and every booking
	held profile // the groups' peaks alone, negated: the search for room under the hold limit is then the same search

	entries map[EntryID]*entry
	groups  map[EntryID]*group
	ends    byEnd
	movable queue
	made    uint64 // bookings ever made
	freed   Window // where room has appeared since the last compression
}

// MaxWindows is how many windows a pool may have.
const MaxWindows = 4096

// NewTimeline returns the timeline of an idle pool that works in the windows given, or always if none is given.
func NewTimeline(capacity Resources, windows ...Window) (*Timeline, error) {
	t := &Timeline{
		floor:   Beginning,
		free:    newProfile(Resources{}),
		held:    newProfile(Resources{}),
		entries: map[EntryID]*entry{},
		groups:  map[EntryID]*group{},
	}
	if err := t.SetCapacity(capacity, windows...); err != nil {
		return nil, err
	}
	return t, nil
}

// Capacity returns what the pool has when it works.
func (t *Timeline) Capacity() Resources { return t.capacity }

// Windows returns when the pool works, in order; none means always.
func (t *Timeline) Windows() []Window { return slices.Clone(t.windows) }

// Len returns the number of holds and bookings on the timeline.
func (t *Timeline) Len() int { return len(t.entries) }

// Booking returns the booking of that name.
func (t *Timeline) Booking(id EntryID) (Booking, bool) {
	e, ok := t.entries[id]
	if !ok || e.group != nil {
		return Booking{}, false
	}
	return e.Booking, true
}

// Held returns the slot held for an alternative that is neither accepted nor dropped.
func (t *Timeline) Held(id EntryID) (Slot, bool) {
	e, ok := t.entries[id]
	if !ok || e.group == nil {
		return Slot{}, false
	}
	return e.Slot, true
}

// Prune drops every hold and booking that ended by now, and what it knew of that time, and returns how many entries
// that were. Nothing can be placed before now afterwards.
func (t *Timeline) Prune(now Instant) int {
	dropped := 0
	for len(t.ends) > 0 && t.ends[0].Slot.End <= now {
		e := t.ends[0]
		if e.group != nil {
			t.forgetOffer(e)
		}
		t.remove(e)
		dropped++
	}
	if now > t.floor {
		t.floor = now
		t.free.forget(now)
		t.held.forget(now)
	}
	return dropped
}

// forgetOffer takes an offer whose time is over out of its group. The group's other offers may not be over.
func (t *Timeline) forgetOffer(e *entry) {
	g := e.group
	t.lay(g.peak, -1)
	g.remove(e)
	g.peak = peak(g.offers)
	t.lay(g.peak, +1)
	if len(g.offers) == 0 {
		delete(t.groups, g.id)
	}
}

// take changes what is free by the slot's resources: less for sign +1, more for −1.
func (t *Timeline) take(s Slot, sign int64) {
	s.Start = max(s.Start, t.floor)
	if s.Empty() {
		return
	}
	if sign < 0 {
		t.free.add(s.Window, s.Resources)
		t.widen(s.Window)
		return
	}
	t.free.add(s.Window, s.Resources.Neg())
}

// lay takes (sign +1) or frees (−1) a group's peak.
func (t *Timeline) lay(peak []Slot, sign int64) {
	for _, s := range peak {
		t.take(s, sign)
		s.Start = max(s.Start, t.floor)
		if s.Empty() {
			continue
		}
		if sign > 0 {
			t.held.add(s.Window, s.Resources.Neg())
			continue
		}
		t.held.add(s.Window, s.Resources)
	}
}

// insert and remove keep the indices; they take and free nothing.
func (t *Timeline) insert(e *entry) {
	t.entries[e.ID] = e
	heap.Push(&t.ends, e)
	if e.group == nil {
		t.made++
		e.order = t.made
		t.movable.track(e)
	}
}

func (t *Timeline) remove(e *entry) {
	delete(t.entries, e.ID)
	heap.Remove(&t.ends, e.place)
	t.movable.drop(e)
}

// unused returns an error if one of the identifiers is on the timeline already.
func (t *Timeline) unused(id EntryID) error {
	if _, taken := t.entries[id]; taken {
		return fmt.Errorf("%w: %s", ErrDuplicate, id)
	}
	return nil
}

// check returns an error unless a slot is something that can be placed.
func check(s Slot) error {
	switch {
	case !s.Window.valid():
		return fmt.Errorf("%w: window %s", ErrInvalid, s.Window)
	case !s.Resources.valid() || s.Resources.IsZero():
		return fmt.Errorf("%w: %s", ErrInvalid, s.Resources)
	}
	return nil
}

// byEnd is a heap of entries, the one that ends first on top.
type byEnd []*entry

func (h byEnd) Len() int           { return len(h) }
func (h byEnd) Less(i, j int) bool { return h[i].Slot.End < h[j].Slot.End }
func (h byEnd) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *byEnd) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *byEnd) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*h = old[:last]
	return e
}
