package line

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// connection is one that was greeted. Closing it tells the port.
type connection struct {
	net.Conn          // private, if there is TLS
	bare     net.Conn // what lies below
	port     *Port
	caller   string // "" if this node has called
	peer     Peer
	gauge    prometheus.Gauge
	promised string      // the federation of a node that called when this one had none
	end      *time.Timer // when the other's certificate does; nil without one
	once     sync.Once
	err      error
}

// newConnection is one that was greeted. It lasts as long as the certificate with
// which the other end was verified: who gets no new one is out by then.
func (p *Port) newConnection(conn, bare net.Conn, protocol string, peer Peer, caller string) *connection {
	direction := "in"
	if caller == "" {
		direction = "out"
	}
	c := &connection{Conn: conn, bare: bare, port: p, peer: peer, caller: caller, gauge: p.metrics.open(protocol, direction)}
	if private, ok := conn.(*tls.Conn); ok {
		c.end = time.AfterFunc(p.credentials.Left(private.ConnectionState()), func() { _ = bare.Close() })
	}
	return c
}

// Read is described at net.Conn.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.promised != "" && err == nil { // there is one reader only
		if own := c.port.federation(); own == c.promised {
			c.promised = ""
		} else if own != "" {
			_ = c.Close()
			return 0, fmt.Errorf("%s belongs to federation %s, this node has joined %s", c.caller, c.promised, own)
		}
	}
	return n, err
}

// Close is described at net.Conn. A second one does nothing.
func (c *connection) Close() error {
	c.once.Do(func() {
		if c.end != nil {
			c.end.Stop()
		}
		c.err = c.Conn.Close()
		c.port.drop(c.bare)
		c.gauge.Dec()
		if c.caller != "" {
			c.port.left(c.caller)
		}
	})
	return c.err
}

// left counts a connection of a caller out.
func (p *Port) left(caller string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.callers[caller]--; p.callers[caller] == 0 {
		delete(p.callers, caller)
	}
}

// promise takes a federation for the one that this node, which has none yet, is
// about to be added to: the first whose Raft calls. Of two that call, both would
// write into its empty log.
func (p *Port) promise(federation string) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.promised == "" {
		p.promised = federation
	}
	if p.promised != federation {
		return answer{ReasonFederation, fmt.Sprintf("%s is being added to federation %s", p.node, p.promised)}
	}
	return answer{}
}
