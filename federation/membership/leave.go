package membership

import (
	"context"
	"errors"
	"time"
)

// Leave tells the others that this node takes leave, so that they don't take it
// for dead and don't look for it. It waits until they were told, or for as long
// as the context says. The node goes on listening until Close.
func (m *Membership) Leave(ctx context.Context) error {
	m.ending.Lock()
	defer m.ending.Unlock()
	if m.closed {
		return errors.New("leave the federation's gossip: it is closed")
	}
	told := m.broadcastSurely(m.tell(func(v *voice) { v.left = true }))
	for _, member := range m.others(3) {
		if ctx.Err() == nil {
			_, _ = m.list.Join([]string{member.Gossip}) // what is sent by TCP arrives, or the broadcast does
		}
	}
	if len(m.others(1)) > 0 {
		select {
		case <-told:
		case <-time.After(m.profile.Stream):
		case <-ctx.Done():
		}
	}
	patience := m.profile.Stream
	if deadline, ok := ctx.Deadline(); ok {
		patience = max(time.Millisecond, min(patience, time.Until(deadline)))
	}
	if err := m.list.Leave(patience); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// others are some of the members that are there.
func (m *Membership) others(most int) (some []Member) {
	for _, member := range m.Members()[1:] {
		if member.State == Alive && len(some) < most {
			some = append(some, member)
		}
	}
	return some
}

// Close ends gossip without a word, as a crash would: to the others this node
// will be dead. It closes all connections and waits for what it started.
func (m *Membership) Close() error {
	m.ending.Lock()
	defer m.ending.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.quit()
	var err error
	switch {
	case m.list != nil:
		err = m.list.Shutdown() // and the wire
	case m.wire != nil:
		err = m.wire.Shutdown()
	}
	m.wait.Wait()
	if m.metrics != nil {
		m.metrics.unregister()
	}
	return err
}
