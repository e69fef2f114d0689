package line

import (
	"container/list"
	"net"
	"net/netip"
	"sync"

	"starling/federation/address"
)

// Strangers may hold so many connections that were not greeted yet. Sites have
// many nodes behind one address at most in tests.
const (
	mostWaiting        = 512
	mostWaitingFromOne = 64
)

// gate bounds the connections that wait to be greeted. One address can't take it
// all; and where many addresses do, who has waited longest goes: nodes of the
// federation are greeted within a few round trips, so that is a stranger.
type gate struct {
	most, mostFromOne int

	mu      sync.Mutex
	waiting *list.List // of *waiter, longest first
	from    map[netip.Addr]int
}

type waiter struct {
	conn net.Conn
	from netip.Addr
	out  bool
}

func newGate(most, mostFromOne int) *gate {
	return &gate{most: most, mostFromOne: mostFromOne, waiting: list.New(), from: make(map[netip.Addr]int)}
}

// enter lets a connection wait, until leave is called. It may close another's for
// it. ok is false if its address has too many there.
func (g *gate) enter(conn net.Conn) (leave func(), ok bool) {
	from := source(conn.RemoteAddr())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.from[from] >= g.mostFromOne {
		return nil, false
	}
	if g.waiting.Len() >= g.most {
		oldest := g.waiting.Front()
		g.remove(oldest)
		_ = oldest.Value.(*waiter).conn.Close() // whoever greets it finds out
	}
	g.from[from]++
	place := g.waiting.PushBack(&waiter{conn: conn, from: from})
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.remove(place)
	}), true
}

// remove takes one out that may be out already.
func (g *gate) remove(place *list.Element) {
	w := place.Value.(*waiter)
	if w.out {
		return
	}
	w.out = true
	g.waiting.Remove(place)
	if g.from[w.from]--; g.from[w.from] == 0 {
		delete(g.from, w.from)
	}
}

// source is what counts as one address.
func source(of net.Addr) netip.Addr {
	tcp, ok := of.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return address.Source(tcp.AddrPort().Addr())
}
