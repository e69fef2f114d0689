package accounting

import (
	"encoding/binary"
	"fmt"
)

// An AccountFilter says which accounts are wanted. Empty fields want any.
type AccountFilter struct {
	Caller   Caller // who asks; the zero Caller gets nothing
	Owner    Owner
	Resource Resource
	Period   Period
	Side     Side
}

// Accounts lists accounts in order of owner, period and resource, and the
// cursor of the rest.
func Accounts(view View, filter AccountFilter, cursor Cursor, limit int) ([]Account, Cursor, error) {
	read := func(_, id []byte) (Account, error) { return readAccount(view, AccountID(id)) }
	return listByOwner(view, filter.Caller.spans(tagAccountIndex, filter.Owner), cursor, limit, read, filter.wants)
}

// listByOwner reads a page of rows that are ordered by owner, from the parts of
// their index that a caller may see.
func listByOwner[T any](
	view View, spans []Range, cursor Cursor, limit int, read func(k, value []byte) (T, error), wants func(T) bool,
) (page []T, next Cursor, err error) {
	limit = pageLimit(limit)
	examined := 0
	for _, span := range spans {
		span, behind, err := cursor.within(span)
		if err != nil {
			return nil, "", err
		}
		if behind {
			continue
		}
		last := span.From // until there is one: the page ended with the owner before
		for k, value := range view.Scan(span) {
			if len(page) == limit || examined == maxExamined {
				return page, cursorAt(last), nil
			}
			examined++
			last = clone(k)
			row, err := read(k, value)
			if err != nil {
				return nil, "", err
			}
			if wants(row) {
				page = append(page, row)
			}
		}
	}
	return page, "", nil
}

// spans are the parts of an index by owner that the caller may see, in order: of
// one owner, or, where that is nobody, of all.
func (c Caller) spans(tag byte, owner Owner) []Range {
	of := func(o Owner) Range { return Prefix(nameKey(tag, string(o.Kind), string(o.ID))) }
	switch {
	case !owner.IsZero() && !c.seesAccount(owner):
		return nil
	case !owner.IsZero():
		return []Range{of(owner)}
	case c.All:
		return []Range{Prefix([]byte{tag})}
	}
	var spans []Range
	for _, own := range c.owners() {
		spans = append(spans, of(own))
	}
	return spans
}

func (f AccountFilter) wants(a Account) bool {
	return f.Caller.seesAccount(a.Owner) &&
		(f.Resource == "" || a.Resource == f.Resource) &&
		(f.Period == "" || a.Period == f.Period) &&
		(f.Side == "" || a.Side == f.Side)
}

// FindAccount is one account, or ErrNotFound if it is not there or not the
// caller's to see.
func FindAccount(view View, caller Caller, id AccountID) (Account, error) {
	account, err := readAccount(view, id)
	if err == nil && !caller.seesAccount(account.Owner) {
		return Account{}, notFound("account " + id.String())
	}
	return account, err
}

// Entries lists what moved an account's balance, newest first, and the cursor
// of the rest.
func Entries(view View, caller Caller, id AccountID, cursor Cursor, limit int) ([]Entry, Cursor, error) {
	account, err := FindAccount(view, caller, id)
	if err != nil {
		return nil, "", err
	}
	span := Prefix(key(tagEntry, id))
	span.Reverse = true
	if span, err = cursor.after(span); err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	var page []Entry
	var last []byte
	for k, value := range view.Scan(span) {
		if len(page) == limit {
			return page, cursorAt(last), nil
		}
		last = clone(k)
		entry, err := readEntry(account, binary.BigEndian.Uint64(k[len(k)-8:]), value)
		if err != nil {
			return nil, "", err
		}
		entry.Pending = pending(view, k)
		page = append(page, entry)
	}
	return page, "", nil
}

// FindHold is a hold, or ErrNotFound if it is not there or not the caller's.
func FindHold(view View, caller Caller, id HoldID) (Hold, error) {
	raw, ok := uuidBytes(string(id))
	if !ok {
		return Hold{}, notFound("hold " + clip(string(id)))
	}
	var h Hold
	found, err := readRow(view.Get(key(tagHold, raw)), &h)
	if err != nil {
		return Hold{}, fmt.Errorf("hold %s: %w", id, err)
	}
	if !found || !caller.seesSession(h.Owners) {
		return Hold{}, notFound("hold " + string(id))
	}
	return h, nil
}
