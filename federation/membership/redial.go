package membership

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"
)

// mostDials bounds how many of those who are gone are asked at once.
const mostDials = 4

// A move is that others see this node at an address where it is not.
type move struct {
	from  string
	since time.Time
}

// A pursuit is one address that is asked until somebody answers.
type pursuit struct {
	due   time.Time
	delay time.Duration
}

// redial asks those who are gone whether they are back, each less and less often
// but for ever. memberlist doesn't: it gives a dead node up after a while, and
// the two halves of a healed partition would never meet again.
func (m *Membership) redial() {
	pursuits := map[string]*pursuit{}
	for {
		if m.closing.Err() != nil {
			return
		}
		m.stuck()
		now, wanted := m.now(), m.missing()
		for address := range pursuits {
			if !wanted[address] {
				delete(pursuits, address)
			}
		}
		var due []string
		for address := range wanted {
			p := pursuits[address]
			if p == nil {
				p = &pursuit{due: now}
				pursuits[address] = p
			}
			if !now.Before(p.due) {
				due = append(due, address)
				p.delay = min(max(2*p.delay, m.profile.RedialFirst), m.profile.RedialMost)
				p.due = now.Add(p.delay)
			}
		}
		m.pursue(due)
		select {
		case <-time.After(m.profile.RedialFirst):
		case <-m.redialNow:
		case <-m.closing.Done():
			return
		}
	}
}

// missing are the addresses of those who are known and not there: remembered
// ones that did not leave, those to join that were never met, and, if others
// look for this node where it is not, those who are there and can be told.
func (m *Membership) missing() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.voice.left {
		return nil
	}
	there := map[string]bool{}
	for name, e := range m.roster.entries {
		if name != m.self.Name && e.alive {
			there[e.gossip] = true
		}
	}
	wanted := map[string]bool{}
	for _, e := range m.roster.entries {
		if e.state() == Dead && e.gossip != "" && !there[e.gossip] {
			wanted[e.gossip] = true
		}
	}
	for _, given := range m.join {
		if len(there) == 0 || !there[given] && isAddress(given) { // a name, once somebody is there, is of no use
			wanted[given] = true
		}
	}
	if m.moved != nil {
		maps.Copy(wanted, there)
	}
	delete(wanted, m.Addr())
	return wanted
}

// stuck says so if others go on seeing this node elsewhere.
func (m *Membership) stuck() {
	const patience = 5 * time.Minute // a WAN needs less than one to notice a death
	m.mu.Lock()
	moved := m.moved
	m.mu.Unlock()
	if moved != nil && m.now().Sub(moved.since) > patience {
		m.trip(&refusal{kind: ErrName, text: fmt.Sprintf("another process runs as node %s with the same data at %s, and the federation goes on seeing that one: "+
			"stop it, or give this one a directory and a name of its own", m.self.Name, moved.from)})
	}
}

// pursue asks several addresses, a few at a time.
func (m *Membership) pursue(due []string) {
	var wait sync.WaitGroup
	room := make(chan struct{}, mostDials)
	for _, address := range due {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			m.try(address)
		})
	}
	wait.Wait()
}

// try asks one.
func (m *Membership) try(address string) {
	ctx, cancel := context.WithTimeout(m.closing, m.profile.Dial)
	defer cancel()
	all, err := resolve(ctx, address)
	for _, at := range all {
		if m.closing.Err() != nil || at.String() == m.Addr() {
			return
		}
		if err = m.meetAt(at.String()); err == nil {
			break
		}
	}
	switch {
	case m.closing.Err() != nil, err == nil:
	case errors.Is(err, ErrName), errors.Is(err, ErrCollision):
		m.trip(err)
	case errors.Is(err, ErrFederation), errors.Is(err, ErrKeys):
		m.complain(address, err)
	default:
		m.log.Debug("nobody answers", "address", address, "reason", err)
	}
}

// poke has those who are gone looked for at once.
func (m *Membership) poke() { signal(m.redialNow) }

func isAddress(hostport string) bool {
	_, err := netip.ParseAddrPort(hostport)
	return err == nil
}
