package node

import (
	"sync"
	"time"

	"starling/accounting"
	"starling/node/store"
)

const (
	// noteMillis is for how long the same is one record.
	noteMillis = 60_000
	// maxNotes is how many different ones there may be at a time: more are only counted.
	maxNotes = 4096
)

// notes are what is gathered for the audit trail.
type notes struct {
	wake chan struct{} // holds one token when there is something new

	mu   sync.Mutex
	open map[noteKey]*noted
}

// noteKey is what makes two notes the same.
type noteKey struct {
	user, issuer, kind, rule string
	action                   Action
	decision                 accounting.Verdict
}

// noted becomes one record: on the first occasion, and again, with how many there
// were, when its time is over.
type noted struct {
	accounting.AuditRecord
	count, written int
	until          store.Millis
}

func newNotes() notes { return notes{wake: make(chan struct{}, 1), open: map[noteKey]*noted{}} }

// add notes something, and reports whether there was room for it.
func (n *notes) add(key noteKey, now store.Millis, first func() accounting.AuditRecord) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if same := n.open[key]; same != nil {
		same.count++
		same.Count, same.Until = same.count, accounting.Instant(now)
		return true
	}
	if len(n.open) >= maxNotes {
		return false
	}
	n.open[key] = &noted{AuditRecord: first(), count: 1, until: now + noteMillis}
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return true
}

// due is what is to be written now, or all that isn't written, and for how long
// nothing else will be.
func (n *notes) due(now store.Millis, all bool) (list []accounting.AuditRecord, next time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next = time.Hour
	for _, same := range n.open {
		if same.count > same.written && (same.written == 0 || now >= same.until || all) {
			list = append(list, same.AuditRecord)
		}
		next = min(next, max(0, time.Duration(same.until-now)*time.Millisecond))
	}
	return list, next
}

// settle remembers what was written, and forgets that of which the time is over.
func (n *notes) settle(list []accounting.AuditRecord, now store.Millis) {
	written := make(map[accounting.AuditID]int, len(list))
	for _, r := range list {
		written[r.ID] = max(1, r.Count)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, same := range n.open {
		same.written = max(same.written, written[same.ID])
		if now >= same.until && same.count == same.written {
			delete(n.open, key)
		}
	}
}
