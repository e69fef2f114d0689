package consensus

import (
	"sync"

	"github.com/hashicorp/raft"
)

// postponedBytes bounds what is kept in memory before it is applied.
const postponedBytes = 1 << 20

// postponed are committed entries that nobody here waits for. The log has them on
// disk, so that they may be applied a little later, many in one transaction: the
// state's flushes keep out of the way of the log's, which others do wait for.
type postponed struct {
	mu    sync.Mutex
	logs  []*raft.Log
	bytes int
	added chan struct{} // holds one token when there are some
}

// add takes entries, unless there is no room.
func (p *postponed) add(logs []*raft.Log) bool {
	bytes := 0
	for _, log := range logs {
		bytes += len(log.Data)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes+bytes > postponedBytes {
		return false
	}
	p.logs = append(p.logs, logs...)
	p.bytes += bytes
	select {
	case p.added <- struct{}{}:
	default:
	}
	return true
}

// take hands them over.
func (p *postponed) take() []*raft.Log {
	p.mu.Lock()
	defer p.mu.Unlock()
	logs := p.logs
	p.logs, p.bytes = nil, 0
	return logs
}

// catchUp is the goroutine that applies what was postponed, a little later or as
// soon as somebody waits.
func (m *machine) catchUp() {
	for m.closing.Err() == nil {
		rest(m.closing, m.later.added, m.hurry, m.linger)
		if m.closing.Err() != nil {
			return // the log tells it again at the next start
		}
		m.applying <- struct{}{}
		_ = m.applyPostponed()
		<-m.applying
	}
}

// applyPostponed applies what was postponed, if that can be done at all. The
// caller holds m.applying.
func (m *machine) applyPostponed() error {
	if logs := m.later.take(); len(logs) > 0 {
		m.applyAll(logs)
	}
	return m.broken
}

// awaited reports whether somebody here waits: for the answer to an entry, or for
// the state to get on.
func (r *Raft) awaited() bool { return r.entering.Load() > 0 || r.waiting.Load() > 0 }
