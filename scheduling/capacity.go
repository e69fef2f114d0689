package scheduling

import (
	"cmp"
	"fmt"
	"slices"
)

// SetCapacity gives the pool another capacity and other windows (none: always). What is placed stays, even where it no
// longer fits: free resources are then negative there, nothing more is placed, and OverCapacity lists what is in the
// way.
func (t *Timeline) SetCapacity(capacity Resources, windows ...Window) error {
	if !capacity.valid() {
		return fmt.Errorf("set capacity: %w: %s", ErrInvalid, capacity)
	}
	if len(windows) > MaxWindows {
		return fmt.Errorf("set capacity: %w: %d windows, at most %d", ErrInvalid, len(windows), MaxWindows)
	}
	for _, w := range windows {
		if w.Empty() || w.Start < Beginning || w.End > Forever {
			return fmt.Errorf("set capacity: %w: window %s", ErrInvalid, w)
		}
	}
	windows = merged(windows)
	if capacity == t.capacity && slices.Equal(windows, t.windows) {
		return nil // a renewal
	}
	for _, w := range t.working() {
		t.take(Slot{w, t.capacity}, +1)
	}
	t.capacity, t.windows = capacity, windows
	for _, w := range t.working() {
		t.take(Slot{w, t.capacity}, -1)
	}
	return nil
}

// working returns the windows in which the pool works.
func (t *Timeline) working() []Window {
	if len(t.windows) == 0 {
		return []Window{{Beginning, Forever}}
	}
	return t.windows
}

// OverCapacity returns, in the order of their starts, the holds and bookings from an instant on that lie where more is
// placed than the pool has. It is empty unless SetCapacity took something away.
func (t *Timeline) OverCapacity(from Instant) []EntryID {
	var over []Window
	t.free.each(Window{max(from, t.floor), Forever}, func(s Slot) bool {
		if !(Resources{}).Fits(s.Resources) {
			over = append(over, s.Window)
		}
		return true
	})
	if len(over) == 0 {
		return nil
	}
	var found []*entry
	for _, e := range t.entries {
		i, _ := slices.BinarySearchFunc(over, e.Slot.Start, func(w Window, at Instant) int { return cmp.Compare(w.End-1, at) })
		if i < len(over) && over[i].Overlaps(e.Slot.Window) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Slot.Start, b.Slot.Start), slices.Compare(a.ID[:], b.ID[:]))
	})
	ids := make([]EntryID, len(found))
	for i, e := range found {
		ids[i] = e.ID
	}
	return ids
}
