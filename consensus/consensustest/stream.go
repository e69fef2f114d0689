package consensustest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Stream is how a node's log reaches the others' and is reached by them. Its
// address is its name, so that a node that comes back is found where it was.
type Stream struct {
	net.Listener
	network *Network
	name    string
}

type address string

func (a address) Network() string { return "test" }
func (a address) String() string  { return string(a) }

// Listen opens a node's stream.
func (n *Network) Listen(name string) (*Stream, error) {
	listener, err := n.listen()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.real[name] = listener.Addr().String()
	return &Stream{listener, n, name}, nil
}

// Addr is the node's name.
func (s *Stream) Addr() net.Addr { return address(s.name) }

// Dial connects to a node. The address says nothing that the name doesn't.
func (s *Stream) Dial(node, _ string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for _, way := range [][2]string{{s.name, node}, {node, s.name}} {
		if err := s.network.Pass(ctx, way[0], way[1]); err != nil {
			return nil, err
		}
	}
	s.network.mu.Lock()
	real := s.network.real[node]
	s.network.mu.Unlock()
	conn, err := s.network.dial(real, timeout)
	if err != nil {
		return nil, err
	}
	c := newConn(s.network, conn, s.name, node)
	c.hello = append([]byte{byte(len(s.name))}, s.name...)
	return c, nil
}

// Accept waits for a connection from another node.
func (s *Stream) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(s.network, conn, s.name, ""), nil
}

// faultyConn is a connection whose writes pass the network.
type faultyConn struct {
	net.Conn
	network *Network
	from    string
	ended   context.Context
	end     context.CancelFunc

	mu    sync.Mutex
	to    string // learnt by the first read of who was called
	hello []byte // goes before the first write of who calls
	until time.Time
}

func newConn(n *Network, conn net.Conn, from, to string) *faultyConn {
	c := &faultyConn{Conn: conn, network: n, from: from, to: to}
	c.ended, c.end = context.WithCancel(context.Background())
	return c
}

// Read is described at net.Conn.
func (c *faultyConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	known := c.to != ""
	c.mu.Unlock()
	if !known {
		name, err := readName(c.Conn)
		if err != nil {
			return 0, err
		}
		c.mu.Lock()
		c.to = name
		c.mu.Unlock()
	}
	return c.Conn.Read(p)
}

func readName(r io.Reader) (string, error) {
	var size [1]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return "", err
	}
	name := make([]byte, size[0])
	_, err := io.ReadFull(r, name)
	return string(name), err
}

// Write is described at net.Conn. What is lost ends the connection.
func (c *faultyConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	to, until, hello := c.to, c.until, c.hello
	c.hello = nil
	c.mu.Unlock()
	ctx, cancel := c.ended, context.CancelFunc(func() {})
	if !until.IsZero() {
		ctx, cancel = context.WithDeadline(c.ended, until)
	}
	err := c.network.Pass(ctx, c.from, to)
	cancel()
	if err != nil {
		return 0, errors.Join(err, c.Close())
	}
	n, err := c.Conn.Write(append(hello, p...))
	return max(0, n-len(hello)), err
}

// SetDeadline is described at net.Conn.
func (c *faultyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

// SetWriteDeadline is described at net.Conn.
func (c *faultyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

// Close is described at net.Conn.
func (c *faultyConn) Close() error {
	c.end()
	return c.Conn.Close()
}
