package consensus

// Status is where the log stands, as GET /federation/log shows it.
type Status struct {
	Node    string       `json:"node"`
	Role    string       `json:"role"` // "leader": a node by itself follows nobody
	Leader  string       `json:"leader"`
	Term    uint64       `json:"term"`
	Applied uint64       `json:"applied"` // index of the last applied record
	Commit  uint64       `json:"commit"`  // index of the last committed record
	Outbox  OutboxStatus `json:"outbox"`
	Error   string       `json:"error,omitempty"`
}

// OutboxStatus is what waits at this node.
type OutboxStatus struct {
	Depth         int     `json:"depth"`
	OldestSeconds float64 `json:"oldestSeconds"`
}

// Status reports where the log stands.
func (l *Local) Status() Status {
	l.mu.Lock()
	s := Status{Node: l.node, Role: "leader", Leader: l.node, Applied: l.index, Commit: l.index}
	err := l.err
	l.mu.Unlock()
	depth, oldest, outboxErr := l.outbox.Depth()
	s.Outbox = OutboxStatus{Depth: depth, OldestSeconds: oldest.Seconds()}
	if err == nil {
		err = outboxErr
	}
	if err != nil {
		s.Error = err.Error()
	}
	return s
}
