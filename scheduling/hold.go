package scheduling

import "fmt"

// MaxAlternatives is how many alternatives one group may hold; an offer set has a handful.
const MaxAlternatives = 64

// Hold keeps the slots of several alternatives as one group, which takes their pointwise maximum. With a share above
// zero, all groups together may not take more than that share of the pool at any instant, but a group that is alone
// there may: a large request would otherwise be refused for ever.
func (t *Timeline) Hold(id EntryID, share float64, alternatives ...Alternative) error {
	if _, taken := t.groups[id]; taken {
		return fmt.Errorf("hold: %w: group %s", ErrDuplicate, id)
	}
	if n := len(alternatives); n == 0 || n > MaxAlternatives {
		return fmt.Errorf("hold: %w: %d alternatives", ErrInvalid, n)
	}
	g := &group{id: id}
	seen := make(map[EntryID]bool, len(alternatives))
	for _, a := range alternatives {
		if err := check(a.Slot); err != nil {
			return fmt.Errorf("hold %s: %w", a.ID, err)
		}
		if err := t.unused(a.ID); err != nil || seen[a.ID] {
			return fmt.Errorf("hold: %w: %s", ErrDuplicate, a.ID)
		}
		seen[a.ID] = true
		g.offers = append(g.offers, &entry{Booking: Booking{ID: a.ID, Slot: a.Slot}, group: g})
	}
	g.peak = peak(g.offers)
	for _, s := range g.peak {
		if !t.fits(s) {
			return fmt.Errorf("hold: %w: %s in %s", ErrNoRoom, s.Resources, s.Window)
		}
		if share > 0 && !t.holdable(s, share) {
			return fmt.Errorf("hold: %w: %s in %s", ErrHoldLimit, s.Resources, s.Window)
		}
	}
	t.lay(g.peak, +1)
	t.groups[id] = g
	for _, e := range g.offers {
		t.insert(e)
	}
	return nil
}

// holdable reports whether a slot respects the hold limit: it is within the share together with the groups already
// there, or alone, at every instant.
func (t *Timeline) holdable(s Slot, share float64) bool {
	_, ok := t.held.seek(search{
		need: s.Resources.Sub(t.capacity.Scale(share)), zero: true,
		from: s.Start, latest: s.Start, length: s.Length(), enough: Forever,
	})
	return ok
}

// Accept turns one alternative into a booking and drops its siblings. The booking's slot lies within the held one: it
// may start later, end earlier and need less; the rest is freed. It is refused if the pool has shrunk meanwhile and
// can't keep the booking; the group is then as it was.
func (t *Timeline) Accept(b Booking) error {
	e, ok := t.entries[b.ID]
	if !ok || e.group == nil {
		return fmt.Errorf("accept: %w: hold %s", ErrUnknown, b.ID)
	}
	if err := check(b.Slot); err != nil {
		return fmt.Errorf("accept %s: %w", b.ID, err)
	}
	if !e.Slot.Contains(b.Slot.Window) || !b.Slot.Resources.Fits(e.Slot.Resources) {
		return fmt.Errorf("accept %s: %w", b.ID, ErrOutsideHold)
	}
	freed := t.freed
	g := e.group
	t.lay(g.peak, -1)
	if !t.fits(b.Slot) {
		t.lay(g.peak, +1)
		t.freed = freed
		return fmt.Errorf("accept %s: %w", b.ID, ErrNoRoom)
	}
	t.take(b.Slot, +1)
	t.dissolve(g)
	t.enter(b)
	return nil
}

// DropGroup frees everything that a group holds: it has expired, or its asker wants none of it.
func (t *Timeline) DropGroup(id EntryID) error {
	g, ok := t.groups[id]
	if !ok {
		return fmt.Errorf("drop: %w: group %s", ErrUnknown, id)
	}
	t.lay(g.peak, -1)
	t.dissolve(g)
	return nil
}

// DropAlternative frees what a group held for this alternative alone. The last one takes the group with it.
func (t *Timeline) DropAlternative(id EntryID) error {
	e, ok := t.entries[id]
	if !ok || e.group == nil {
		return fmt.Errorf("drop: %w: hold %s", ErrUnknown, id)
	}
	t.forgetOffer(e)
	t.remove(e)
	return nil
}

// dissolve forgets a group and its offers; it frees nothing.
func (t *Timeline) dissolve(g *group) {
	for _, e := range g.offers {
		t.remove(e)
	}
	delete(t.groups, g.id)
}
