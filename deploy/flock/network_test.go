package flock

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"starling/node/cluster"
)

// outside is where users are: what cuts nodes from each other leaves them their way.
const outside = ""

var errCut = errors.New("nothing gets through")

// network connects the nodes of a test with each other and with their users.
type network struct {
	mu    sync.Mutex
	at    map[string]string           // whose an address is
	cut   map[[2]string]bool          // ordered pairs between which nothing gets through
	dead  map[string]bool             // nodes that nothing reaches or leaves
	conns map[*crossing][2]string     // who has made it, and to whom
	minds map[string]http.HandlerFunc // what answers in a node's stead; its own handler is in the context
}

func newNetwork() *network {
	return &network{
		at: map[string]string{}, cut: map[[2]string]bool{}, dead: map[string]bool{}, conns: map[*crossing][2]string{},
		minds: map[string]http.HandlerFunc{},
	}
}

// of is the network as a node has it.
func (n *network) of(name string) cluster.Network {
	return cluster.Network{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return n.dial(ctx, name, address)
		},
		Gossip: func(t memberlist.NodeAwareTransport) memberlist.NodeAwareTransport {
			return &gossip{NodeAwareTransport: t, network: n, from: name}
		},
		Answer: func(own http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n.mu.Lock()
				mind := n.minds[name]
				n.mu.Unlock()
				if mind == nil {
					own.ServeHTTP(w, r)
					return
				}
				mind(w, r.WithContext(context.WithValue(r.Context(), ownMind{}, own)))
			})
		},
	}
}

// ownMind is the context key of a node's own handler.
type ownMind struct{}

// asItself answers as the node would.
func asItself(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(ownMind{}).(http.Handler).ServeHTTP(w, r)
}

// answers has something answer other nodes in a node's stead; nil: itself again.
func (n *network) answers(name string, with http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.minds[name] = with
}

// passes reports whether something gets from one to another's address, and whose it is.
func (n *network) passes(from, address string) (to string, yes bool) {
	to = n.at[address]
	return to, !n.cut[[2]string{from, to}] && !n.dead[from] && !n.dead[to]
}

func (n *network) dial(ctx context.Context, from, address string) (net.Conn, error) {
	return n.cross(from, address, func() (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	})
}

// cross makes a connection that ends when the way is cut.
func (n *network) cross(from, address string, dial func() (net.Conn, error)) (net.Conn, error) {
	n.mu.Lock()
	to, yes := n.passes(from, address)
	n.mu.Unlock()
	if !yes {
		return nil, errCut
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	c := &crossing{Conn: conn, network: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, yes := n.passes(from, address); !yes { // meanwhile
		return nil, errors.Join(errCut, conn.Close())
	}
	n.conns[c] = [2]string{from, to}
	return c, nil
}

// crossing is a connection that the network can end.
type crossing struct {
	net.Conn
	network *network
}

func (c *crossing) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// sever ends the connections over ways that are cut. The caller holds mu.
func (n *network) sever() {
	for c, way := range n.conns {
		if n.cut[way] || n.dead[way[0]] || n.dead[way[1]] {
			_ = c.Conn.Close()
			delete(n.conns, c)
		}
	}
}

// part lets nothing through between nodes of different groups.
func (n *network) part(groups ...[]*node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, one := range groups {
		for j, other := range groups {
			for _, a := range one {
				for _, b := range other {
					if i != j {
						n.cut[[2]string{a.name, b.name}] = true
					}
				}
			}
		}
	}
	n.sever()
}

// mend lets everything through again, but to the dead.
func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

// die lets nothing through from or to a node, its users' words included.
func (n *network) die(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead[name] = true
	n.sever()
}

// live says whose some addresses are, and lets everything through.
func (n *network) live(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, address := range addresses {
		n.at[address] = name
	}
	delete(n.dead, name)
}

// gossip is memberlist's transport over the network.
type gossip struct {
	memberlist.NodeAwareTransport
	network *network
	from    string
}

func (g *gossip) WriteTo(p []byte, address string) (time.Time, error) {
	return g.WriteToAddress(p, memberlist.Address{Addr: address})
}

// WriteToAddress loses what can't get through, as networks do.
func (g *gossip) WriteToAddress(p []byte, to memberlist.Address) (time.Time, error) {
	g.network.mu.Lock()
	_, yes := g.network.passes(g.from, to.Addr)
	g.network.mu.Unlock()
	if !yes {
		return time.Now(), nil
	}
	return g.NodeAwareTransport.WriteToAddress(p, to)
}

func (g *gossip) DialTimeout(address string, timeout time.Duration) (net.Conn, error) {
	return g.DialAddressTimeout(memberlist.Address{Addr: address}, timeout)
}

func (g *gossip) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return g.network.cross(g.from, to.Addr, func() (net.Conn, error) {
		return g.NodeAwareTransport.DialAddressTimeout(to, timeout)
	})
}
