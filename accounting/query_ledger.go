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
	limit = pageLimit(limit)
	var page []Account
	examined := 0
	for _, span := range filter.spans() {
		span, behind, err := cursor.within(span)
		if err != nil {
			return nil, "", err
		}
		if behind {
			continue
		}
		var last []byte
		for k, value := range view.Scan(span) {
			if len(page) == limit || examined == maxExamined {
				if last == nil { // the page ended with the owner before
					last = span.From
				}
				return page, cursorAt(last), nil
			}
			examined++
			last = clone(k)
			account, err := readAccount(view, AccountID(value))
			if err != nil {
				return nil, "", err
			}
			if filter.wants(account) {
				page = append(page, account)
			}
		}
	}
	return page, "", nil
}

// spans are the parts of the index to look at, in order.
func (f AccountFilter) spans() []Range {
	switch {
	case !f.Owner.IsZero():
		if !f.Caller.seesAccount(f.Owner) {
			return nil
		}
		return []Range{ownerAccounts(f.Owner)}
	case f.Caller.All:
		return []Range{Prefix([]byte{tagAccountIndex})}
	}
	var spans []Range
	for _, owner := range f.Caller.owners() {
		spans = append(spans, ownerAccounts(owner))
	}
	return spans
}

func ownerAccounts(owner Owner) Range {
	return Prefix(nameKey(tagAccountIndex, string(owner.Kind), string(owner.ID)))
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
