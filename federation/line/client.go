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

// Of the connections that a client makes to one node, so many are for requests that
// soon end, and so many for those that may last. So one kind leaves the other its own.
const (
	mostBrief   = 96
	MostLasting = 128
)

type lastingKey struct{}

// Lasting marks a request that may last, or become a connection of its own
// (Upgrade). The caller sees to it that there are no more than MostLasting to a node.
func Lasting(ctx context.Context) context.Context {
	return context.WithValue(ctx, lastingKey{}, true)
}

// caller keeps the connections that were made with the same credentials.
type caller struct {
	port *Port
	find func(node string) (address string, ok bool)

	mu      sync.Mutex
	edition int // of the credentials
	brief   *http.Transport
	lasting *http.Transport
}

// RoundTrip is described at http.RoundTripper.
func (c *caller) RoundTrip(r *http.Request) (*http.Response, error) {
	brief, lasting := c.present()
	if r.Context().Value(lastingKey{}) != nil {
		return lasting.RoundTrip(r)
	}
	return brief.RoundTrip(r)
}

// present is what uses the present credentials. Requests under way go on with the
// old ones.
func (c *caller) present() (brief, lasting *http.Transport) {
	edition := 0
	if c.port.credentials != nil {
		edition = c.port.credentials.Edition()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.brief == nil || edition != c.edition {
		if c.brief != nil {
			c.brief.CloseIdleConnections()
			c.lasting.CloseIdleConnections()
		}
		c.edition, c.brief, c.lasting = edition, c.transport(mostBrief), c.transport(MostLasting)
	}
	return c.brief, c.lasting
}

// transport makes so many connections to a node. One that was upgraded is not
// counted any more.
func (c *caller) transport(most int) *http.Transport {
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
		MaxConnsPerHost:        most,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
