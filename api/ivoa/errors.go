package ivoa

import (
	"cmp"
	"errors"
	"fmt"
)

// SyntaxError says that a body can't be read, and where: a 400 for whoever sent it.
type SyntaxError struct {
	// Path is a JSON pointer to the value at fault, "" for the whole document.
	Path string
	// Line counts from 1; 0 where it isn't known.
	Line int
	// Message is for people.
	Message string
	// Limit is set where the body passed one of the Limits.
	Limit bool
}

// Error returns message, path and line in one sentence.
func (e *SyntaxError) Error() string {
	switch {
	case e.Path != "" && e.Line > 0:
		return fmt.Sprintf("%s (line %d): %s", e.Path, e.Line, e.Message)
	case e.Path != "":
		return e.Path + ": " + e.Message
	case e.Line > 0:
		return fmt.Sprintf("line %d: %s", e.Line, e.Message)
	default:
		return e.Message
	}
}

// ErrTooLarge says that a body has more bytes than Limits.Bytes: a 413.
var ErrTooLarge = errors.New("the body is too large")

// Notice is something in a body that was accepted but had no effect.
type Notice struct {
	// Path is a JSON pointer to the property.
	Path string
	// Line counts from 1; 0 where it isn't known.
	Line int
	// Message is for people: "unknown property … ignored".
	Message string
	// Meant is the property that was probably meant by an unknown one: its name is
	// near, and it isn't given. Else "".
	Meant string
}

// Limits bound what a body may cost to read.
type Limits struct {
	// Bytes is the size of the body.
	Bytes int
	// Depth is how deep values may nest.
	Depth int
	// Entries counts the entries of all lists and maps together.
	Entries int
	// Values counts every value, the members of objects included.
	Values int
}

// DefaultLimits are what a node uses unless it is configured otherwise: a
// megabyte, and lists as long as the largest campaigns have been.
func DefaultLimits() Limits {
	return Limits{Bytes: 1 << 20, Depth: 32, Entries: 10_000, Values: 100_000}
}

// orDefault fills in the limits that aren't set.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		Bytes:   cmp.Or(l.Bytes, d.Bytes),
		Depth:   cmp.Or(l.Depth, d.Depth),
		Entries: cmp.Or(l.Entries, d.Entries),
		Values:  cmp.Or(l.Values, d.Values),
	}
}
