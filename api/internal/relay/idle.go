package relay

import (
	"net"
	"sync/atomic"
	"time"
)

// idleConn is a connection that ends when nothing has passed for a while, in
// either direction.
type idleConn struct {
	net.Conn
	idle time.Duration
	last atomic.Int64 // when the deadline was last moved
}

func (c *idleConn) Read(p []byte) (int, error) {
	c.moved()
	n, err := c.Conn.Read(p)
	c.moved()
	return n, err
}

func (c *idleConn) Write(p []byte) (int, error) {
	c.moved()
	n, err := c.Conn.Write(p)
	c.moved()
	return n, err
}

// moved puts the deadline off. Once in a sixteenth of the time is enough.
func (c *idleConn) moved() {
	now := time.Now()
	if last := c.last.Load(); c.idle <= 0 || now.UnixNano()-last < int64(c.idle/16) {
		return
	}
	c.last.Store(now.UnixNano())
	_ = c.SetDeadline(now.Add(c.idle))
}
