package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"starling/federation/address"
)

// sockets bounds the connections of clients, which cost memory and a descriptor
// before a byte has come: all of them, and those of one address that is not a
// proxy's. What is too much is closed at once, so that nobody waits for it.
type sockets struct {
	most, mostFromOne int // 0: no bound
	proxies           []netip.Prefix
	refused           prometheus.Counter

	mu   sync.Mutex
	open int
	from map[netip.Addr]int
}

func newSockets(o Options, refused prometheus.Counter) *sockets {
	return &sockets{
		most: o.Limits.Sockets, mostFromOne: o.Limits.SocketsPerAddress, proxies: o.TrustedProxies,
		refused: refused, from: make(map[netip.Addr]int),
	}
}

// changed is an http.Server's ConnState. Connections that a session's program has
// taken over are counted elsewhere (Limits.Connections).
func (s *sockets) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !s.enter(sourceOf(conn)) {
			s.refused.Inc()
			_ = conn.Close() // whoever serves it finds out, and leaves
		}
	case http.StateClosed, http.StateHijacked:
		s.leave(sourceOf(conn))
	}
}

// enter counts a connection, and reports whether it is not one too many.
func (s *sockets) enter(from netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	s.from[from]++
	proxy := slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(from) })
	return (s.most == 0 || s.open <= s.most) && (s.mostFromOne == 0 || proxy || s.from[from] <= s.mostFromOne)
}

func (s *sockets) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.from[from]--; s.from[from] == 0 {
		delete(s.from, from)
	}
}

func sourceOf(conn net.Conn) netip.Addr {
	from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return address.Source(from.Addr())
}
