package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dialled connects to a server from an address of this machine.
func dialled(t *testing.T, l *Listener, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// alive asks on a connection whether it is served.
func alive(t *testing.T, conn net.Conn) bool {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: broker.example\r\n\r\n"); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

func served(t *testing.T, change ...func(*Options)) *Listener {
	t.Helper()
	l := listening(t, newWorld(t, change...).server)
	t.Cleanup(func() { assert.NoError(t, l.Shutdown(context.Background())); <-l.Done() })
	return l
}

func TestOneAddressDoesNotTakeAllConnections(t *testing.T) {
	l := served(t, func(o *Options) { o.Limits.SocketsPerAddress = 3 })
	var first net.Conn
	for range 3 {
		first = dialled(t, l, "127.0.0.1")
		require.True(t, alive(t, first))
	}
	assert.False(t, alive(t, dialled(t, l, "127.0.0.1")))
	assert.True(t, alive(t, dialled(t, l, "127.0.0.2")), "another address")
	require.NoError(t, first.Close())
	eventually(t, func() bool { return alive(t, dialled(t, l, "127.0.0.1")) })
}

func TestConnectionsAreBoundedAndProxiesHaveManyOfThem(t *testing.T) {
	s := newSockets(Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Limits: Limits{Sockets: 10, SocketsPerAddress: 2},
	}, prometheus.NewCounter(prometheus.CounterOpts{}))
	let := func(from string) bool { return s.enter(netip.MustParseAddr(from)) }
	for range 7 {
		assert.True(t, let("10.1.2.3"))
	}
	assert.True(t, let("192.0.2.1"))
	assert.True(t, let("192.0.2.1"))
	assert.False(t, let("192.0.2.1"))
	s.leave(netip.MustParseAddr("192.0.2.1"))
	assert.True(t, let("192.0.2.2"))
	assert.False(t, let("192.0.2.3"), "the eleventh")
	for address, n := range map[string]int{"10.1.2.3": 7, "192.0.2.1": 2, "192.0.2.2": 1, "192.0.2.3": 1} {
		for range n {
			s.leave(netip.MustParseAddr(address))
		}
	}
	assert.Zero(t, s.open)
	assert.Empty(t, s.from)
}

// Who sends a byte now and then to keep a connection doesn't.
func TestSlowClientsAreNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		first string
		most  time.Duration
	}{
		"a header":    {"GET /healthz HTTP/1.1\r\nHost: broker.example\r\nX: ", readHeaderTimeout},
		"not a byte":  {"", readHeaderTimeout},
		"a body":      {"POST /requests HTTP/1.1\r\nHost: broker.example\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", readTimeout},
		"no question": {"GET /healthz HTTP/1.1\r\nHost: broker.example\r\n\r\n", idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{calls: make(chan net.Conn), closed: make(chan struct{})}
				l := Serve(p, newWorld(t).server, nil)
				here, there := net.Pipe()
				p.calls <- there
				began := time.Now()
				var drip sync.WaitGroup
				drip.Go(func() {
					_, err := io.WriteString(here, c.first)
					for err == nil && name != "no question" && name != "not a byte" {
						time.Sleep(time.Second)
						_, err = io.WriteString(here, "x")
					}
				})
				_, _ = io.Copy(io.Discard, here) // until the server has had enough
				assert.LessOrEqual(t, time.Since(began), c.most+time.Second)
				assert.NoError(t, here.Close())
				drip.Wait()
				assert.NoError(t, l.Shutdown(context.Background()))
				<-l.Done()
			})
		})
	}
}

// Two lengths, or one and chunks, would let a request hide in another's body.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	l := served(t)
	for _, header := range []string{
		"Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: identity", "Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: xchunked", "Content-Length: +5", "Content-Length : 5", "X: a\rb\r\nY: c", "Host: other.example",
	} {
		conn := dialled(t, l, "127.0.0.1")
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		fmt.Fprintf(conn, "POST /requests HTTP/1.1\r\nHost: broker.example\r\nAuthorization: Bearer alice\r\nContent-Type: application/json\r\n%s\r\n\r\nhello", header)
		answer, _ := io.ReadAll(conn)
		assert.Regexp(t, `^HTTP/1.1 (400|501) `, string(answer), header)
	}
}
