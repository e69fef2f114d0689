package accounting

import (
	"errors"
	"fmt"
)

// The reasons for which a command or a query is refused. Test with errors.Is.
var (
	// ErrInvalid: malformed, out of bounds, or missing something.
	ErrInvalid = errors.New("invalid")
	// ErrUnknownVersion: a command written by a newer Starling.
	ErrUnknownVersion = errors.New("unknown command version")
	// ErrUnknownType: a command of a type this version does not have.
	ErrUnknownType = errors.New("unknown command type")
	// ErrNotFound: nothing is there, or nothing that this caller may see.
	ErrNotFound = errors.New("not found")
	// ErrConflict: it contradicts what is recorded.
	ErrConflict = errors.New("conflict")
	// ErrFunds: a hard limit would be passed.
	ErrFunds = errors.New("not enough funds")
	// ErrOverflow: an amount does not fit.
	ErrOverflow = errors.New("amount overflows")
	// ErrCorrupt: the state holds what this package never wrote. It is no
	// Refusal: the state must not be used any more.
	ErrCorrupt = errors.New("the state is corrupt")
)

// A Refusal says that a command was considered and turned down. The decision
// follows from the command and the state alone, so that every node makes the
// same one and repeating the command is of no use. Any other error of Apply is
// the store's, and the command should be tried again.
type Refusal struct {
	// Subject is what the command was about: "attempt …", "hold …".
	Subject string
	// Reason says in words what was wrong.
	Reason string
	// Kind is one of the package's sentinel errors.
	Kind error
}

func (r *Refusal) Error() string {
	if r.Subject == "" {
		return fmt.Sprintf("%v: %s", r.Kind, r.Reason)
	}
	return fmt.Sprintf("%s: %v: %s", r.Subject, r.Kind, r.Reason)
}

// Unwrap gives the kind, for errors.Is.
func (r *Refusal) Unwrap() error { return r.Kind }

// Refused reports whether the error is the state machine's own decision.
func Refused(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal)
}

func invalid(subject, format string, args ...any) error {
	return &Refusal{Subject: subject, Reason: fmt.Sprintf(format, args...), Kind: ErrInvalid}
}

func conflict(subject, format string, args ...any) error {
	return &Refusal{Subject: subject, Reason: fmt.Sprintf(format, args...), Kind: ErrConflict}
}

func notFound(subject string) error {
	return &Refusal{Subject: subject, Reason: "no such record", Kind: ErrNotFound}
}

func overflow(subject, reason string) error {
	return &Refusal{Subject: subject, Reason: reason, Kind: ErrOverflow}
}
