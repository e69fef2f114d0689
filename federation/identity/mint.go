package identity

import (
	"encoding/binary"
	"sync"
)

// counterBits is the room for UUIDs minted within one millisecond.
const counterBits = 26

// Mint makes the UUIDs of one node, in strictly rising order. The time never
// runs behind the high-water mark that it was started with, so that a clock
// that was set back mints no UUID twice; the caller persists HighWater.
type Mint struct {
	tag Tag

	mu      sync.Mutex
	last    int64 // milliseconds of the newest UUID
	counter uint32
}

// NewMint returns a mint of the node's UUIDs. highWater is the last persisted
// HighWater in Unix milliseconds, 0 for a new node.
func NewMint(node NodeName, highWater int64) *Mint {
	return &Mint{tag: node.Tag(), last: highWater, counter: 1<<counterBits - 1}
}

// New mints a UUID at the time now, in Unix milliseconds. Where the clock is
// behind, or a millisecond's counter is used up, the next millisecond is lent.
func (m *Mint) New(now int64) UUID {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case now > m.last:
		m.last, m.counter = now, 0
	case m.counter < 1<<counterBits-1:
		m.counter++
	default:
		m.last, m.counter = m.last+1, 0
	}
	return m.assemble()
}

// HighWater returns the Unix milliseconds of the newest UUID. A node that has
// stored it, plus a margin, may restart with any clock.
func (m *Mint) HighWater() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// assemble lays time, counter and tag out as RFC 9562 section 5.8 says.
func (m *Mint) assemble() UUID {
	var u UUID
	var time [8]byte
	binary.BigEndian.PutUint64(time[:], uint64(m.last))
	copy(u[0:6], time[2:8])
	binary.BigEndian.PutUint16(u[6:8], 0x8000|uint16(m.counter>>14))
	binary.BigEndian.PutUint16(u[8:10], 0x8000|uint16(m.counter&0x3fff))
	copy(u[10:16], m.tag[:])
	return u
}
