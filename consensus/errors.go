package consensus

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the log is closed")
	// ErrCorrupt: a file is damaged. It is never served.
	ErrCorrupt = errors.New("the store is corrupt")
	// ErrStateLost: state.db is not the one that this session store's records
	// went to.
	ErrStateLost = errors.New("the state is not the one this session store wrote to")
	// ErrTooNew: the log holds what only a newer program understands. This one
	// stops rather than come to hold another record than the others.
	ErrTooNew = errors.New("written by a newer program; install it on this node")
	// ErrTooEarly: not every member has announced that it understands this yet.
	ErrTooEarly = errors.New("not every node of the federation understands it yet")
	// ErrNotLeader: another node leads the log, or none does. Nothing was done.
	ErrNotLeader = errors.New("this node does not lead the log")
	// ErrOtherFederation: what came is of another federation, or of what is left of
	// a majority that was given up. It is not taken.
	ErrOtherFederation = errors.New("it is of another federation")
	// ErrRefused: the leader won't have it, and says why. Nothing was done.
	ErrRefused = errors.New("the federation's leader refused")
	// ErrUnknownOutcome: the log may have taken it, or not. It is harmless to try
	// again.
	ErrUnknownOutcome = errors.New("nobody knows whether the log has taken it")
)

// A GapError says that records are missing between what was applied and what
// came next.
type GapError struct {
	Store    StoreID
	Expected Sequence // the next that would be applied
	Got      Sequence
}

func (e *GapError) Error() string {
	return fmt.Sprintf("records of store %s go on at %d where %d is expected", e.Store, e.Got, e.Expected)
}
