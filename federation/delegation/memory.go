package delegation

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"starling/federation/identity"
)

const (
	// window is for how long an assertion could be used: one that was made by a
	// clock that is ahead, by one that is behind.
	window = lifetime + 2*skew
	// mostUsed is how many of one node are remembered: a thousand a second, 10 MiB.
	mostUsed = 1 << 17
	// mostNodes is of how many nodes, as many as a federation has.
	mostNodes = 1000
)

// memory knows which assertions were used. It would rather refuse one than
// forget another.
type memory struct {
	mu sync.Mutex
	of map[identity.NodeName]*uses
}

// uses are those of one node: the ids of the window that began then, and those of
// the one before. Each is remembered for a window at least, and two at most.
type uses struct {
	began        time.Time
	now, earlier map[[sha256.Size]byte]struct{}
}

func newMemory() *memory { return &memory{of: make(map[identity.NodeName]*uses)} }

// use remembers an assertion of a node, unless it was used before.
func (m *memory) use(node identity.NodeName, id string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, err := m.ofNode(node, now)
	if err != nil {
		return err
	}
	u.turn(now)
	key := sha256.Sum256([]byte(id))
	_, lately := u.now[key]
	_, before := u.earlier[key]
	if lately || before {
		return fmt.Errorf("%w: it was used before", ErrRefused)
	}
	if len(u.now)+len(u.earlier) >= mostUsed {
		return fmt.Errorf("%w: %d within %s are all that can be remembered", ErrTooMany, mostUsed, 2*window)
	}
	u.now[key] = struct{}{}
	return nil
}

func (m *memory) ofNode(node identity.NodeName, now time.Time) (*uses, error) {
	if u := m.of[node]; u != nil {
		return u, nil
	}
	if len(m.of) >= mostNodes {
		for name, u := range m.of {
			if now.Sub(u.began) >= 2*window {
				delete(m.of, name)
			}
		}
	}
	if len(m.of) >= mostNodes {
		return nil, fmt.Errorf("%w: more than %d nodes have sent some", ErrTooMany, mostNodes)
	}
	u := &uses{began: now, now: make(map[[sha256.Size]byte]struct{})}
	m.of[node] = u
	return u, nil
}

// turn begins another window when one is over.
func (u *uses) turn(now time.Time) {
	age := now.Sub(u.began)
	if age < window {
		return
	}
	u.earlier = u.now
	if age >= 2*window {
		u.earlier = nil
	}
	u.began, u.now = now, make(map[[sha256.Size]byte]struct{})
}
