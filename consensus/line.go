package consensus

import (
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// line is a stream layer that really ends: raft's transport closes the listener
// only, and a leader would go on leading through the connections it has.
type line struct {
	raft.StreamLayer

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
}

func newLine(stream raft.StreamLayer) *line {
	return &line{StreamLayer: stream, open: make(map[net.Conn]struct{})}
}

// Dial is described at raft.StreamLayer.
func (l *line) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil, net.ErrClosed
	}
	return l.keep(l.StreamLayer.Dial(address, timeout))
}

// Accept is described at net.Listener.
func (l *line) Accept() (net.Conn, error) { return l.keep(l.StreamLayer.Accept()) }

// keep remembers a connection until it is closed.
func (l *line) keep(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	kept := &keptConn{conn, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.open[kept] = struct{}{}
	return kept, nil
}

// Close ends all connections. A second Close does nothing.
func (l *line) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	open := l.open
	l.open = make(map[net.Conn]struct{})
	l.mu.Unlock()
	for conn := range open {
		_ = conn.(*keptConn).Conn.Close()
	}
	return l.StreamLayer.Close()
}

type keptConn struct {
	net.Conn
	line *line
}

func (c *keptConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.open, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
