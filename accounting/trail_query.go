package accounting

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// An AuditEntry is an audit record as it is read.
type AuditEntry struct {
	AuditRecord
	Pending bool `json:"pending,omitzero"` // only this node knows of it
}

// An AuditFilter says which audit records are wanted. Empty fields want any.
type AuditFilter struct {
	Caller   Caller // who asks; the zero Caller gets nothing
	User     OwnerID
	Action   string
	Object   string // "session:UUID", or any object by its id alone
	Decision Verdict
	Node     NodeName
	Trace    Trace
	Since    Instant // decided at or after
	Until    Instant // decided before
	Oldest   bool    // oldest first; the newest come first otherwise
}

// AuditTrail lists audit records in order of time, and the cursor of the rest. Who
// doesn't see everybody's sees what was decided on her own behalf, but for what she was
// told isn't there. A page may be
// short and still have a cursor: a query looks at a bounded number of rows.
func AuditTrail(view View, filter AuditFilter, cursor Cursor, limit int) ([]AuditEntry, Cursor, error) {
	if !filter.Caller.All {
		if filter.Caller.User == "" || filter.User != "" && filter.User != filter.Caller.User {
			return nil, "", nil
		}
		filter.User = filter.Caller.User
	}
	span, err := cursor.after(filter.span())
	if err != nil {
		return nil, "", err
	}
	return pageOf(view, span, limit, func(k []byte) (e AuditEntry, wanted bool, err error) {
		at, id := timedRef(k)
		row := timedKey([]byte{tagTrail}, at, id)
		if _, err := readRow(view.Get(row), &e.AuditRecord); err != nil {
			return e, false, fmt.Errorf("audit record %x: %w", id, err)
		}
		if !filter.wants(&e.AuditRecord) {
			return e, false, nil
		}
		e.Pending = pending(view, row)
		return e, true, nil
	})
}

// span is the part of the narrower index that the filter needs.
func (f AuditFilter) span() Range {
	prefix := []byte{tagTrail}
	if f.User != "" {
		prefix = nameKey(tagTrailByUser, string(f.User))
	}
	span := Prefix(prefix)
	span.Reverse = !f.Oldest
	if f.Since > 0 {
		span.From = binary.BigEndian.AppendUint64(clone(prefix), uint64(f.Since))
	}
	if f.Until > 0 {
		span.To = binary.BigEndian.AppendUint64(clone(prefix), uint64(f.Until))
	}
	return span
}

func (f AuditFilter) wants(r *AuditRecord) bool {
	return (f.Caller.All || r.User == f.Caller.User && !r.Concealed) &&
		(f.User == "" || r.User == f.User) &&
		(f.Action == "" || r.Action == f.Action) &&
		(f.Object == "" || r.Object == f.Object || strings.HasSuffix(r.Object, ":"+f.Object)) &&
		(f.Decision == "" || r.Decision == f.Decision) &&
		(f.Node == "" || r.Node == f.Node) &&
		(f.Trace == "" || r.Trace == f.Trace)
}
