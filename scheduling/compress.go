package scheduling

import "container/heap"

// Moved says that a booking now starts earlier than it did.
type Moved struct {
	ID       EntryID
	From, To Instant
}

// Compress moves movable bookings that have not begun earlier into room that has appeared since it was last called,
// in the order in which they were made, each as early as it then can. None gets a later start. It returns those that
// moved.
//
// It makes at most budget searches (none or less: as many as there are bookings), so that one early end on a long
// timeline costs bounded time. Bookings left out keep their place; the room stays open to new ones.
func (t *Timeline) Compress(now Instant, budget int) []Moved {
	room := t.freed.Intersect(Window{max(now, t.floor), Forever})
	t.freed = Window{}
	if room.Empty() {
		return nil
	}
	if budget <= 0 {
		budget = len(t.movable.places)
	}
	most := t.free.greatest(room)
	var moved []Moved
	for i := 0; i < len(t.movable.places) && budget > 0; i++ {
		e := t.movable.places[i]
		// What starts no later than the room does couldn't use it; what starts now has begun.
		if e == nil || e.Slot.Start <= room.Start || !e.Slot.Resources.Fits(most) {
			continue
		}
		budget--
		// A slot that doesn't touch the room was no more free before than it is now.
		from := max(now, e.NotBefore, room.Start-Instant(e.Slot.Length())+1)
		start, ok := t.earlier(e, from, min(e.Slot.Start, room.End)-1)
		if !ok {
			continue
		}
		moved = append(moved, Moved{e.ID, e.Slot.Start, start})
		t.advance(e, start)
		room = room.hull(t.freed)
		most = t.free.greatest(room)
	}
	return moved
}

// earlier returns the earliest start in [from, latest] to which a movable booking could move.
//
// The booking itself needs no lifting: from its present start on it has its own room, so what must be free is the time
// from the new start until then, or for its whole length if it would leave its present place altogether.
func (t *Timeline) earlier(e *entry, from, latest Instant) (Instant, bool) {
	if !e.Movable {
		return 0, false
	}
	start, ok := t.free.seek(search{
		need:   e.Slot.Resources,
		from:   max(from, t.floor, Beginning+1),
		latest: min(latest, e.Slot.Start-1),
		length: e.Slot.Length(),
		enough: e.Slot.Start,
	})
	// Its own room may be what SetCapacity took away. A later start would need even more of that.
	kept := Window{e.Slot.Start, start.Add(e.Slot.Length())}
	if ok && !kept.Empty() && !(Resources{}).Fits(t.free.least(kept)) {
		return 0, false
	}
	return start, ok
}

// advance moves a booking to an earlier start where there is room for it.
func (t *Timeline) advance(e *entry, start Instant) {
	length := e.Slot.Length()
	gained, left := e.Slot, e.Slot
	gained.Window = Window{start, min(e.Slot.Start, start.Add(length))}
	left.Start = max(e.Slot.Start, start.Add(length))
	t.take(gained, +1)
	t.take(left, -1)
	e.Slot.Window = start.From(length)
	heap.Fix(&t.ends, e.place)
}

// widen remembers that room has appeared in a window.
func (t *Timeline) widen(w Window) { t.freed = t.freed.hull(w) }

// hull returns the shortest window that contains both; an empty window adds nothing.
func (w Window) hull(v Window) Window {
	switch {
	case w.Empty():
		return v
	case v.Empty():
		return w
	}
	return Window{min(w.Start, v.Start), max(w.End, v.End)}
}
