package line

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client makes requests to other nodes: http://NODE/peer/… reaches that node and
// no other, whatever answers at the address that find knows for it. Connections
// are kept for the next request, until there are other credentials: what is signed
// with a key must go out by a connection that proves it. The request's context
// bounds its time, the caller what it reads of the answer. A node that refuses is a
// *Refused in the error. Redirects are not followed: a node that could send requests
// elsewhere would speak with this node's name.
func (p *Port) Client(find func(node string) (address string, ok bool)) *http.Client {
	return &http.Client{
		Transport:     &caller{port: p, find: find},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// caller keeps the connections that were made with the same credentials.
type caller struct {
	port *Port
	find func(node string) (address string, ok bool)

	mu          sync.Mutex
	edition     int // of the credentials
	connections *http.Transport
}

// RoundTrip is described at http.RoundTripper.
func (c *caller) RoundTrip(r *http.Request) (*http.Response, error) { return c.present().RoundTrip(r) }

// present is what uses the present credentials. Requests under way go on with the
// old ones.
func (c *caller) present() *http.Transport {
	edition := 0
	if c.port.credentials != nil {
		edition = c.port.credentials.Edition()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connections == nil || edition != c.edition {
		if c.connections != nil {
			c.connections.CloseIdleConnections()
		}
		c.edition, c.connections = edition, c.transport()
	}
	return c.connections
}

func (c *caller) transport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, host string) (net.Conn, error) {
			node, _, err := net.SplitHostPort(host)
			if err != nil {
				return nil, err
			}
			address, ok := c.find(node)
			if !ok {
				return nil, fmt.Errorf("call %s: no node of this name is known", node)
			}
			return c.port.dial(ctx, protocolHTTP, node, address)
		},
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, fmt.Errorf("requests to nodes are written http://NODE/…: the line is private already")
		},
		DisableCompression:     true,
		MaxConnsPerHost:        mostFromNode / 2,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
