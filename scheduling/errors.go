package scheduling

import "errors"

// Why an operation on a timeline changed nothing. Returned errors wrap one of these.
var (
	// ErrNoRoom: the pool doesn't have that much free throughout the slot.
	ErrNoRoom = errors.New("not enough free resources")
	// ErrHoldLimit: holds would take more than their share of the pool.
	ErrHoldLimit = errors.New("holds would take more than their share")
	// ErrUnknown: no such entry, or it is of the other kind (a hold where a booking is meant, or the reverse).
	ErrUnknown = errors.New("no such entry")
	// ErrDuplicate: the identifier is already on the timeline.
	ErrDuplicate = errors.New("identifier already in use")
	// ErrOutsideHold: the booking asks for more than its hold keeps.
	ErrOutsideHold = errors.New("not within the held slot")
	// ErrInvalid: a negative or absurd amount, an empty or reversed window, nothing to hold.
	ErrInvalid = errors.New("invalid slot")
)
