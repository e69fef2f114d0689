package consensus

// Status is where the log stands, as GET /federation/log shows it.
type Status struct {
	Node    string `json:"node"`
	Role    string `json:"role"` // leader, follower, candidate or replica; a node by itself leads
	Leader  string `json:"leader"`
	Term    uint64 `json:"term"`
	Applied uint64 `json:"applied"` // index of the last applied record
	Commit  uint64 `json:"commit"`  // index of the last committed record
	// First is the oldest entry that is kept: a follower that lacks older ones is sent
	// the whole state. 0 where none is, as at a node by itself.
	First uint64 `json:"first,omitempty"`
	// Record is the sum of all that the record holds; nothing at a node by itself.
	Record RecordSum `json:"record,omitzero"`
	// AgeSeconds is for how long this copy may have been behind the others.
	AgeSeconds float64      `json:"ageSeconds"`
	Outbox     OutboxStatus `json:"outbox"`
	// Error is why records don't get on; it may pass.
	Error string `json:"error,omitempty"`
}

// RecordSum is the sum of a node's record as of an entry: all nodes whose last entry that
// is have the same.
type RecordSum struct {
	Entry uint64 `json:"entry"`
	Sum   string `json:"sum"` // 16 hexadecimal digits
}

// OutboxStatus is what waits at this node.
type OutboxStatus struct {
	Depth         int     `json:"depth"`
	OldestSeconds float64 `json:"oldestSeconds"`
}

// Status reports where the log stands.
func (l *Local) Status() Status {
	s := l.outboxStatus()
	s.Node, s.Role, s.Leader, s.Commit = l.node, "leader", l.node, s.Applied
	return s
}

// outboxStatus is what every log can say of itself.
func (p *progress) outboxStatus() Status {
	p.mu.Lock()
	s := Status{Applied: p.index}
	err := p.err
	p.mu.Unlock()
	depth, oldest, outboxErr := p.outbox.Depth()
	s.Outbox = OutboxStatus{Depth: depth, OldestSeconds: oldest.Seconds()}
	if err == nil {
		err = outboxErr
	}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}
