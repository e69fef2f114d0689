package scheduling

import "encoding/hex"

// EntryID names a hold, a booking or a hold group: the session's or the offer set's UUID, say.
type EntryID [16]byte

// String returns the identifier in the form of a UUID.
func (id EntryID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Booking is a firm reservation.
type Booking struct {
	ID   EntryID
	Slot Slot
	// NotBefore is the earliest instant to which Compress may move the slot's start. It matters for movable bookings
	// only.
	NotBefore Instant
	// Movable says that nothing depends on the start yet: the work is not despatched, and earlier is welcome.
	Movable bool
}

// Alternative is one of the slots that a hold group keeps, of which at most one will become a booking.
type Alternative struct {
	ID   EntryID
	Slot Slot
}

// entry is a booking, or a hold if it has a group.
type entry struct {
	Booking
	group *group
	order uint64 // in which bookings were made; Compress serves them in this order
	place int    // in the timeline's heap of ends
}

// group is the hold group of one offer set on this timeline.
type group struct {
	id     EntryID
	offers []*entry
	peak   []Slot // pointwise maximum over the offers, as disjoint slots in order
}

func (g *group) remove(e *entry) {
	for i, other := range g.offers {
		if other == e {
			g.offers = append(g.offers[:i], g.offers[i+1:]...)
			return
		}
	}
}
