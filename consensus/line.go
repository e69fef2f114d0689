package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// line is what raft's transport speaks over: a Stream whose connections begin with
// a greeting, and which really ends. Raft's transport closes the listener only, and
// a leader would go on leading through the connections it has.
type line struct {
	Stream
	server  string        // this one
	lineage func() string // "" until it is known
	locate  func(server, joined string) (address string)
	log     *slog.Logger

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]struct{}
	told   string // the refusal that was logged last
}

var _ raft.StreamLayer = (*line)(nil)

func newLine(stream Stream, server string, lineage func() string, locate func(server, joined string) string, log *slog.Logger) *line {
	return &line{Stream: stream, server: server, lineage: lineage, locate: locate, log: log, open: make(map[net.Conn]struct{})}
}

// Dial is described at raft.StreamLayer. The address is a destination.
func (l *line) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil, net.ErrClosed
	}
	server, joined := whither(to)
	hello, err := greeting{server, l.lineage()}.encode()
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(timeout)
	conn, err := l.Stream.Dial(NodeOf(server), l.locate(server, joined), timeout)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(conn.SetDeadline(end), say(conn, hello), conn.SetDeadline(time.Time{})); err != nil {
		return nil, errors.Join(fmt.Errorf("greet %s: %w", server, err), conn.Close())
	}
	return l.keep(conn, true)
}

func say(conn net.Conn, hello []byte) error {
	_, err := conn.Write(hello)
	return err
}

// Accept is described at net.Listener. The greeting is read with the first of what
// follows, so that nobody's silence keeps others waiting.
func (l *line) Accept() (net.Conn, error) {
	conn, err := l.Stream.Accept()
	if err != nil {
		return nil, err
	}
	return l.keep(conn, false)
}

// greeted reads a greeting, and refuses one that is not for this server.
func (l *line) greeted(conn net.Conn) error {
	g, err := readGreeting(conn)
	if err != nil {
		return err
	}
	err = g.meant(l.server, l.lineage())
	if err == nil {
		return nil
	}
	l.mu.Lock()
	again := l.told == err.Error()
	l.told = err.Error()
	l.mu.Unlock()
	if !again {
		l.log.Info("refused a connection of the log", "reason", err, "from", conn.RemoteAddr())
	}
	return err
}

// keep remembers a connection until it is closed.
func (l *line) keep(conn net.Conn, greeted bool) (net.Conn, error) {
	kept := &keptConn{Conn: conn, line: l, greeted: greeted}
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
	return l.Stream.Close()
}

type keptConn struct {
	net.Conn
	line    *line
	greeted bool // only the one who reads uses it
}

// Read is described at net.Conn.
func (c *keptConn) Read(p []byte) (int, error) {
	if !c.greeted {
		if err := c.line.greeted(c.Conn); err != nil {
			return 0, err
		}
		c.greeted = true
	}
	return c.Conn.Read(p)
}

func (c *keptConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.open, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
