package membership

import "time"

// A trouble is why the others don't let this node in, and when that was seen.
type trouble struct {
	err  error
	seen time.Time
}

// Err says why the others don't let this node in: another goes by its name, and
// that was found out only after the start. It is nil when all is well, and when
// nobody answers, which is no fault.
func (m *Membership) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	// What causes it is met again at each comparison, and at each redial.
	if lasts := 3 * (m.profile.PushPull + m.profile.RedialMost); m.now().Sub(m.trouble.seen) > lasts {
		return nil
	}
	return m.trouble.err
}

// trip remembers why this node is kept out, and says so once.
func (m *Membership) trip(err error) {
	m.mu.Lock()
	m.trouble = trouble{err, m.now()}
	m.mu.Unlock()
	if m.complaints.fresh("this node", err.Error()) {
		m.log.Error("the federation does not let this node in", "reason", err)
	}
}
