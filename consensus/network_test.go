package consensus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// network is loopback with faults: between any two nodes, in each direction,
// nothing may get through; everything may be late, and connections may break.
type network struct {
	mu      sync.Mutex
	real    map[string]string // name -> the address where it listens
	logs    map[string]*Raft
	blocked map[[2]string]bool
	delay   time.Duration
	loss    float64 // of writes that break their connection
	rng     *rand.Rand
	changed chan struct{} // closed when something is mended
}

var errLost = errors.New("lost on the way")

func newNetwork(seed uint64) *network {
	return &network{
		real: map[string]string{}, logs: map[string]*Raft{}, blocked: map[[2]string]bool{},
		rng: rand.New(rand.NewPCG(seed, 1)), changed: make(chan struct{}),
	}
}

// block cuts one direction, or mends it.
func (n *network) block(from, to string, blocked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocked[[2]string{from, to}] = blocked
	close(n.changed)
	n.changed = make(chan struct{})
}

// cut cuts a node off from all others, or mends that.
func (n *network) cut(name string, blocked bool) {
	n.mu.Lock()
	var others []string
	for other := range n.real {
		others = append(others, other)
	}
	n.mu.Unlock()
	for _, other := range others {
		if other != name {
			n.block(name, other, blocked)
			n.block(other, name, blocked)
		}
	}
}

func (n *network) weather(delay time.Duration, loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay, n.loss = delay, loss
}

// mend ends all faults.
func (n *network) mend() {
	n.weather(0, 0)
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.blocked)
	close(n.changed)
	n.changed = make(chan struct{})
}

// pass waits until something may go from one node to another, and reports whether
// it is lost.
func (n *network) pass(from, to string, until time.Time, ended <-chan struct{}) error {
	n.mu.Lock()
	delay, lost := n.delay, n.loss > 0 && n.rng.Float64() < n.loss
	n.mu.Unlock()
	if lost {
		return errLost
	}
	if delay > 0 {
		time.Sleep(delay)
	}
	for {
		n.mu.Lock()
		blocked, changed := n.blocked[[2]string{from, to}], n.changed
		n.mu.Unlock()
		if !blocked {
			return nil
		}
		var timeout <-chan time.Time
		if !until.IsZero() {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-ended:
			return net.ErrClosed
		case <-timeout:
			return os.ErrDeadlineExceeded
		}
	}
}

// testStream is a node's raft.StreamLayer. Its address is its name, so that a node
// that comes back is found where it was.
type testStream struct {
	net.Listener
	network *network
	name    string
}

type named string

func (a named) Network() string { return "test" }
func (a named) String() string  { return string(a) }

func (n *network) listen(name string) (*testStream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.real[name] = listener.Addr().String()
	return &testStream{listener, n, name}, nil
}

func (s *testStream) Addr() net.Addr { return named(s.name) }

func (s *testStream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	to := string(address)
	until := time.Now().Add(timeout)
	for _, way := range [][2]string{{s.name, to}, {to, s.name}} {
		if err := s.network.pass(way[0], way[1], until, nil); err != nil {
			return nil, err
		}
	}
	s.network.mu.Lock()
	address = raft.ServerAddress(s.network.real[to])
	s.network.mu.Unlock()
	conn, err := net.DialTimeout("tcp", string(address), timeout)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(append([]byte{byte(len(s.name))}, s.name...)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &faultyConn{Conn: conn, network: s.network, from: s.name, to: to, ended: make(chan struct{})}, nil
}

func (s *testStream) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &faultyConn{Conn: conn, network: s.network, from: s.name, ended: make(chan struct{})}, nil
}

// faultyConn is a connection whose writes pass the network.
type faultyConn struct {
	net.Conn
	network *network
	from    string

	mu    sync.Mutex
	to    string // learnt by the first read of who was called
	until time.Time
	once  sync.Once
	ended chan struct{}
}

func (c *faultyConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	known := c.to != ""
	c.mu.Unlock()
	if !known {
		var size [1]byte
		if _, err := c.Conn.Read(size[:]); err != nil {
			return 0, err
		}
		name := make([]byte, size[0])
		for got := 0; got < len(name); {
			n, err := c.Conn.Read(name[got:])
			if err != nil {
				return 0, err
			}
			got += n
		}
		c.mu.Lock()
		c.to = string(name)
		c.mu.Unlock()
	}
	return c.Conn.Read(p)
}

func (c *faultyConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	to, until := c.to, c.until
	c.mu.Unlock()
	if err := c.network.pass(c.from, to, until, c.ended); err != nil {
		return 0, errors.Join(err, c.Close())
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

func (c *faultyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *faultyConn) Close() error {
	c.once.Do(func() { close(c.ended) })
	return c.Conn.Close()
}

// courier is a node's Forwarder over the network.
type courier struct {
	network *network
	from    string
}

func (c courier) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	until := time.Now().Add(200 * time.Millisecond)
	if err := c.network.pass(c.from, node, until, ctx.Done()); err != nil {
		return nil, err
	}
	c.network.mu.Lock()
	log := c.network.logs[node]
	c.network.mu.Unlock()
	if log == nil {
		return nil, fmt.Errorf("%s is down", node)
	}
	answer := log.Answer(ctx, request)
	if err := c.network.pass(node, c.from, until, ctx.Done()); err != nil {
		return nil, err // it has arrived, but nobody here will know
	}
	return answer, nil
}
