package scheduling

import (
	"container/heap"
	"fmt"
)

// Book places a booking that was not held before.
func (t *Timeline) Book(b Booking) error {
	if err := check(b.Slot); err != nil {
		return fmt.Errorf("book %s: %w", b.ID, err)
	}
	if err := t.unused(b.ID); err != nil {
		return fmt.Errorf("book: %w", err)
	}
	if !t.fits(b.Slot) {
		return fmt.Errorf("book %s: %w", b.ID, ErrNoRoom)
	}
	t.take(b.Slot, +1)
	t.enter(b)
	return nil
}

// enter puts a booking for which room was taken into the books.
func (t *Timeline) enter(b Booking) {
	e := &entry{Booking: b}
	t.insert(e)
	t.settle(e)
}

// settle sees to it that the next compression looks at a booking which was not placed as early as it could be.
func (t *Timeline) settle(e *entry) {
	if start, ok := t.earlier(e, e.NotBefore, e.Slot.Start-1); ok {
		t.widen(Window{start, e.Slot.Start})
	}
}

// End ends a booking at an instant and frees the rest of it. A booking that has not begun by then is removed; one that
// has stays, shortened and no longer movable, until Prune. Ending what is over by then changes nothing.
func (t *Timeline) End(id EntryID, at Instant) error {
	e, ok := t.entries[id]
	if !ok || e.group != nil {
		return fmt.Errorf("end: %w: booking %s", ErrUnknown, id)
	}
	if at >= e.Slot.End {
		return nil
	}
	rest := e.Slot
	rest.Start = max(rest.Start, at)
	t.take(rest, -1)
	if at <= e.Slot.Start {
		t.remove(e)
		return nil
	}
	e.Slot.End = at
	heap.Fix(&t.ends, e.place)
	t.fix(e)
	return nil
}

// Move gives a booking another window, for more or less time or at another one, if it fits there. What the timeline
// no longer knows (see Prune) is not checked.
func (t *Timeline) Move(id EntryID, to Window) error {
	e, ok := t.entries[id]
	if !ok || e.group != nil {
		return fmt.Errorf("move: %w: booking %s", ErrUnknown, id)
	}
	if !to.valid() {
		return fmt.Errorf("move %s: %w: window %s", id, ErrInvalid, to)
	}
	freed := t.freed
	t.take(e.Slot, -1)
	next := Slot{to, e.Slot.Resources}
	known := next
	known.Start = max(known.Start, t.floor)
	if !known.Empty() && !t.fits(known) {
		t.take(e.Slot, +1)
		t.freed = freed
		return fmt.Errorf("move %s: %w", id, ErrNoRoom)
	}
	t.take(next, +1)
	e.Slot = next
	heap.Fix(&t.ends, e.place)
	t.settle(e)
	return nil
}

// Fix marks a booking as despatched: Compress leaves it where it is.
func (t *Timeline) Fix(id EntryID) error {
	e, ok := t.entries[id]
	if !ok || e.group != nil {
		return fmt.Errorf("fix: %w: booking %s", ErrUnknown, id)
	}
	t.fix(e)
	return nil
}

func (t *Timeline) fix(e *entry) {
	e.Movable = false
	t.movable.drop(e)
}
