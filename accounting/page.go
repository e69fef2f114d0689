package accounting

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
)

// A Cursor marks where a list goes on. It is opaque; empty is the beginning,
// and, as an answer, the end.
type Cursor string

// Limits of a list.
const (
	DefaultLimit = 100
	MaxLimit     = 1000

	// maxExamined bounds the rows one query looks at to find those it wants. A
	// page may so be short, or empty, and still have a cursor.
	maxExamined = 50_000
)

func pageLimit(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// cursorAt makes the cursor for the last key seen.
func cursorAt(key []byte) Cursor {
	return Cursor(base64.RawURLEncoding.EncodeToString(key))
}

// pageOf reads a page of what is wanted of a range, which the cursor has narrowed
// already, and the cursor of the rest.
func pageOf[T any](view View, span Range, limit int, read func(key []byte) (one T, wanted bool, err error)) (page []T, next Cursor, err error) {
	limit = pageLimit(limit)
	var last []byte
	examined := 0
	for k := range view.Scan(span) {
		if len(page) == limit || examined == maxExamined {
			return page, cursorAt(last), nil
		}
		examined++
		last = clone(k)
		one, wanted, err := read(k)
		if err != nil {
			return nil, "", err
		}
		if wanted {
			page = append(page, one)
		}
	}
	return page, "", nil
}

// after narrows a range to what follows the cursor. A cursor that is not of
// this list is refused.
func (c Cursor) after(r Range) (Range, error) {
	if c == "" {
		return r, nil
	}
	last, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || bytes.Compare(last, r.From) < 0 || r.To != nil && bytes.Compare(last, r.To) >= 0 {
		return r, invalid("cursor", "it is not one of this list")
	}
	if r.Reverse {
		r.To = last
		return r, nil
	}
	r.From = append(last, 0) // the least key after it
	return r, nil
}

// within narrows one of several ranges in order. It reports whether the cursor
// is past all of it.
func (c Cursor) within(r Range) (narrowed Range, behind bool, err error) {
	if c == "" {
		return r, false, nil
	}
	last, err := base64.RawURLEncoding.DecodeString(string(c))
	switch {
	case err != nil || len(last) == 0 || last[0] != r.From[0]:
		return r, false, invalid("cursor", "it is not one of this list")
	case bytes.Compare(last, r.From) < 0:
		return r, false, nil
	case r.To != nil && bytes.Compare(last, r.To) >= 0:
		return r, true, nil
	}
	r.From = append(last, 0)
	return r, false, nil
}

// compareOwners orders owners as the account index does.
func compareOwners(a, b Owner) int {
	return strings.Compare(string(a.Kind)+"\x00"+string(a.ID), string(b.Kind)+"\x00"+string(b.ID))
}

// clone keeps a key beyond the iteration that lent it.
func clone(key []byte) []byte { return slices.Clone(key) }
