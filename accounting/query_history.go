package accounting

import (
	"encoding/binary"
	"fmt"
)

// History is the record of one attempt, with all that was reported. An attempt
// that is not there, or not the caller's to see, is ErrNotFound.
func History(view View, caller Caller, ref Ref) (HistoryEntry, error) {
	raw, ok := uuidBytes(string(ref))
	if !ok {
		return HistoryEntry{}, notFound("attempt " + clip(string(ref)))
	}
	h, err := readAttempt(view, raw)
	if err != nil {
		return HistoryEntry{}, err
	}
	if h == nil || !caller.seesSession(h.Owners) {
		return HistoryEntry{}, notFound("attempt " + string(ref))
	}
	entry := h.HistoryEntry
	entry.Pending = pending(view, key(tagAttempt, raw))
	if err := gather(view, raw, &entry); err != nil {
		return HistoryEntry{}, fmt.Errorf("attempt %s: %w", ref, err)
	}
	return entry, nil
}

// HasAttempt reports whether an attempt is on record, whoever may see it.
func HasAttempt(view View, ref Ref) bool {
	raw, ok := uuidBytes(string(ref))
	return ok && view.Get(key(tagAttempt, raw)) != nil
}

// readAttempt reads a head; nil if there is none.
func readAttempt(view View, raw [16]byte) (*attemptHead, error) {
	h := new(attemptHead)
	found, err := readRow(view.Get(key(tagAttempt, raw)), h)
	if err != nil {
		return nil, fmt.Errorf("attempt %x: %w", raw, err)
	}
	if !found {
		return nil, nil
	}
	return h, nil
}

// gather adds what has rows of its own. The limits of what is kept bound it.
func gather(view View, raw [16]byte, entry *HistoryEntry) error {
	actions := make(map[string]int)
	files := make(map[[2]string]int) // by name and location
	for _, value := range view.Scan(Prefix(key(tagUpdate, raw))) {
		var u Update
		if err := decodeJSON(value, &u); err != nil {
			return fmt.Errorf("decode update: %w", err)
		}
		switch u.Type {
		case ActionStarted, ActionCompleted, ActionFailed:
			i, seen := actions[u.Action]
			if !seen {
				i = len(entry.Actions)
				actions[u.Action] = i
				entry.Actions = append(entry.Actions, Action{ID: u.Action})
			}
			entry.Actions[i].take(u)
		case ExposureTaken:
			if len(entry.Exposures) == maxShown {
				entry.Omitted++
				continue
			}
			exposure := *u.Exposure
			if exposure.Action == "" {
				exposure.Action = u.Action
			}
			entry.Exposures = append(entry.Exposures, exposure)
		case FileMade:
			// A file is reported when it is opened and again when it is whole.
			place := [2]string{u.File.Name, u.File.Location}
			if i, seen := files[place]; seen {
				entry.Files[i] = *u.File
				continue
			}
			if len(entry.Files) == maxShown {
				entry.Omitted++
				continue
			}
			files[place] = len(entry.Files)
			entry.Files = append(entry.Files, *u.File)
		case LogWritten:
			entry.Log = append(entry.Log, LogLine{Time: u.when(), Text: u.Text})
		}
	}
	for _, value := range view.Scan(Prefix(key(tagNote, raw))) {
		var n Note
		if err := decodeJSON(value, &n); err != nil {
			return fmt.Errorf("decode note: %w", err)
		}
		entry.Notes = append(entry.Notes, n)
	}
	for _, value := range view.Scan(Prefix(key(tagAdjusted, raw))) {
		var a Adjustment
		if err := decodeJSON(value, &a); err != nil {
			return fmt.Errorf("decode adjustment: %w", err)
		}
		entry.Adjustments = append(entry.Adjustments, a)
	}
	return nil
}

// take adds a report to an action.
func (a *Action) take(u Update) {
	switch u.Type {
	case ActionStarted:
		a.Started = u.when()
	case ActionCompleted:
		a.Completed = u.when()
	case ActionFailed:
		a.Failed, a.Message = u.when(), u.Text
	}
}

// Updates lists what was reported of one attempt as it was recorded, in order,
// and the cursor of the rest.
func Updates(view View, caller Caller, ref Ref, cursor Cursor, limit int) ([]Update, Cursor, error) {
	raw, ok := uuidBytes(string(ref))
	if !ok {
		return nil, "", notFound("attempt " + clip(string(ref)))
	}
	h, err := readAttempt(view, raw)
	if err != nil {
		return nil, "", err
	}
	if h == nil || !caller.seesSession(h.Owners) {
		return nil, "", notFound("attempt " + string(ref))
	}
	span, err := cursor.after(Prefix(key(tagUpdate, raw)))
	if err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	page := []Update{}
	var last []byte
	for k, value := range view.Scan(span) {
		if len(page) == limit {
			return page, cursorAt(last), nil
		}
		last = clone(k)
		var u Update
		if err := decodeJSON(value, &u); err != nil {
			return nil, "", fmt.Errorf("attempt %s: decode update: %w", ref, err)
		}
		page = append(page, u)
	}
	return page, "", nil
}

// when is the executor's own time of what it reports, if it gave one.
func (u Update) when() Instant {
	if u.Time != 0 {
		return u.Time
	}
	return u.Recorded
}

// A HistoryFilter says which attempts are wanted. Empty fields want any.
type HistoryFilter struct {
	Caller   Caller // who asks; the zero Caller gets nothing
	Owner    Owner  // whom it was done for, of any kind; or the node that did it
	User     OwnerID
	Proposal OwnerID
	Session  SessionID
	Node     NodeName
	Executor ExecutorID
	Phase    Phase
	Trace    Trace
	Since    Instant // opened at or after
	Until    Instant // opened before
	Oldest   bool    // oldest first; the newest come first otherwise
}

// Histories lists attempts without their reports, in order of opening, and the
// cursor of the rest. A page may be short and still have a cursor: a query
// looks at a bounded number of rows.
func Histories(view View, filter HistoryFilter, cursor Cursor, limit int) ([]HistoryEntry, Cursor, error) {
	if !filter.Caller.All {
		if filter.Caller.User == "" || filter.User != "" && filter.User != filter.Caller.User {
			return nil, "", nil
		}
		filter.User = filter.Caller.User
	}
	filter = filter.narrowed()
	span, err := filter.span()
	if err != nil {
		return nil, "", err
	}
	if span, err = cursor.after(span); err != nil {
		return nil, "", err
	}
	return pageOf(view, span, limit, func(k []byte) (entry HistoryEntry, wanted bool, err error) {
		_, raw := timedRef(k)
		h, err := readAttempt(view, raw)
		if err != nil || h == nil || !filter.wants(&h.HistoryEntry) {
			return entry, false, err
		}
		h.Pending = pending(view, key(tagAttempt, raw))
		return h.HistoryEntry, true, nil
	})
}

// narrowed lets a user's or a proposal's own index answer for an owner. The others
// have none: what is theirs is looked for among all, or in the index of what else
// is asked.
func (f HistoryFilter) narrowed() HistoryFilter {
	switch {
	case f.Owner.Kind == KindUser && f.User == "":
		f.User = f.Owner.ID
	case f.Owner.Kind == KindProposal && f.Proposal == "":
		f.Proposal = f.Owner.ID
	}
	return f
}

// span is the part of the narrowest index that the filter needs.
func (f HistoryFilter) span() (Range, error) {
	var prefix []byte
	switch {
	case f.Session != "":
		raw, ok := uuidBytes(string(f.Session))
		if !ok {
			return Range{}, invalid("filter", "session %.40q is not a lower-case UUID", string(f.Session))
		}
		prefix = key(tagBySession, raw)
	case f.User != "":
		prefix = nameKey(tagByUser, string(f.User))
	case f.Proposal != "":
		prefix = nameKey(tagByProposal, string(f.Proposal))
	default:
		prefix = []byte{tagByTime}
	}
	span := Prefix(prefix)
	span.Reverse = !f.Oldest
	if f.Since > 0 {
		span.From = binary.BigEndian.AppendUint64(clone(prefix), uint64(f.Since))
	}
	if f.Until > 0 {
		span.To = binary.BigEndian.AppendUint64(clone(prefix), uint64(f.Until))
	}
	return span, nil
}

func (f HistoryFilter) wants(e *HistoryEntry) bool {
	return f.Caller.seesSession(e.Owners) &&
		(f.Owner.IsZero() || e.Owners.Has(f.Owner) || f.Owner == Node(e.Node)) &&
		(f.User == "" || e.Owners.User.ID == f.User) &&
		(f.Proposal == "" || e.Owners.Proposal.ID == f.Proposal) &&
		(f.Node == "" || e.Node == f.Node) &&
		(f.Executor == "" || e.Executor == f.Executor) &&
		(f.Phase == "" || e.Phase == f.Phase) &&
		(f.Trace == "" || e.Trace == f.Trace)
}
