package line

import (
	"crypto/x509"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// calling is a connection of which the gate looks at the address only.
type calling struct {
	net.Conn
	from   string
	closed bool
}

func (c *calling) RemoteAddr() net.Addr {
	address, _ := net.ResolveTCPAddr("tcp", c.from)
	return address
}

func (c *calling) Close() error {
	c.closed = true
	return nil
}

// One address can't take all places; many can, and then lose them to who comes
// next, the longest waiting first.
func TestTheGateBoundsWhoWaits(t *testing.T) {
	g := newGate(4, 2)
	enter := func(from string) (*calling, func(), bool) {
		c := &calling{from: from}
		leave, ok := g.enter(c)
		return c, leave, ok
	}
	first, leaveFirst, ok := enter("192.0.2.1:1")
	require.True(t, ok)
	second, leaveSecond, ok := enter("192.0.2.1:2")
	require.True(t, ok)
	_, _, ok = enter("[::ffff:192.0.2.1]:3")
	assert.False(t, ok, "this address has its places")
	_, leave, ok := enter("[2001:db8::1]:1")
	require.True(t, ok)
	_, _, ok = enter("[2001:db8::2]:1")
	require.True(t, ok)
	_, _, ok = enter("[2001:db8::3]:1")
	assert.False(t, ok, "a /64 is one customer")

	_, _, ok = enter("198.51.100.1:1")
	assert.True(t, ok)
	assert.True(t, first.closed, "it has waited longest")
	assert.False(t, second.closed)

	leaveFirst() // which is out already
	leaveSecond()
	leaveSecond()
	leave()
	assert.Equal(t, 2, g.waiting.Len())
	assert.Len(t, g.from, 2)
}

// Any number of strangers who say nothing leave the way to a node free.
func TestManySilentStrangersLeaveTheWayFree(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "f")
		w.echo(b)
		var conns []net.Conn
		for range mostWaitingFromOne + 50 {
			conn, err := net.Dial("tcp", b.Addr())
			require.NoError(w, err)
			defer conn.Close()
			conns = append(conns, conn)
		}
		w.eventually(func() bool { return b.refusals(w, ReasonCrowd) == 50 }, "one address has so many places")
		require.NoError(w, conns[0].Close()) // on loopback all are one address
		a := w.port("a", "f")
		w.eventually(func() bool {
			conn, err := a.Stream().Dial("b", b.Addr(), soon)
			if err == nil {
				_, err = exchange(conn, "entries")
			}
			return err == nil
		}, "a node gets through")
	})
}

// Strangers of many addresses take the places of strangers.
func TestWhoWaitsLongestGoesWhenAllPlacesAreTaken(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "f")
		w.echo(b)
		b.gate.mu.Lock()
		b.gate.most = 2
		b.gate.mu.Unlock()
		var conns []net.Conn
		for range 3 {
			conn, err := net.Dial("tcp", b.Addr())
			require.NoError(w, err)
			defer conn.Close()
			conns = append(conns, conn)
		}
		w.eventually(func() bool { return b.refusals(w, ReasonCrowd) == 1 }, "one had to go")
		require.NoError(w, conns[0].SetDeadline(time.Now().Add(soon)))
		_, err := conns[0].Read(make([]byte, 1))
		assert.NotErrorIs(w, err, os.ErrDeadlineExceeded, "the first")

		conn, err := w.port("a", "f").Stream().Dial("b", b.Addr(), soon)
		require.NoError(w, err)
		_, err = exchange(conn, "entries")
		assert.NoError(w, err)
	})
}

// The time for greeting is not that of what follows.
func TestAConnectionLastsLongerThanItsGreetingMayTake(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "f", func(o *Options) { o.patience = 2 * time.Second })
		w.echo(b)
		a := w.port("a", "f")
		var conn net.Conn
		w.eventually(func() (ok bool) { // a loaded machine may need another try
			var err error
			conn, err = a.Stream().Dial("b", b.Addr(), soon)
			return err == nil
		}, "greeted")
		silent, err := net.Dial("tcp", b.Addr())
		require.NoError(w, err)
		defer silent.Close()
		_, _ = io.Copy(io.Discard, silent) // until its time is over, and so that of conn
		_, err = exchange(conn, "entries")
		assert.NoError(w, err)
	})
}

// What a member does is bounded, too: it may have been broken into.
func TestOneNodeHasABoundedNumberOfConnections(t *testing.T) {
	w := dev(t)
	a, b := w.port("a", "f"), w.port("b", "f")
	w.echo(b)
	var last net.Conn
	for range mostFromNode {
		conn, err := a.Stream().Dial("b", b.Addr(), soon)
		require.NoError(t, err)
		last = conn
	}
	_, err := a.Stream().Dial("b", b.Addr(), soon)
	w.refused(err, ReasonBusy, "a has 256 connections to b already")
	c := w.port("c", "f")
	_, err = c.Stream().Dial("b", b.Addr(), soon)
	assert.NoError(t, err, "another node's are its own")

	require.NoError(t, last.Close())
	w.eventually(func() bool {
		_, err := a.Stream().Dial("b", b.Addr(), soon)
		return err == nil
	}, "who leaves makes room")
}

// A node's certificate is exchanged while it is called, and nobody notices.
func TestReloadUnderLoad(t *testing.T) {
	w := private(t)
	credentials := w.ca.Credentials(t, "b")
	b := w.port("b", "f", func(o *Options) { o.Credentials = credentials })
	w.echo(b)
	a := w.port("a", "f")
	var callers sync.WaitGroup
	ended := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				conn, err := a.Stream().Dial("b", b.Addr(), soon)
				if !assert.NoError(t, err) {
					return
				}
				_, err = exchange(conn, "entries")
				assert.NoError(t, err)
				assert.NoError(t, conn.Close())
			}
		})
	}
	before := credentials.Expires()
	for range 10 {
		w.ca.Odd(t, "b", func(c *x509.Certificate) { c.NotAfter = before.Add(-time.Hour) })
		require.NoError(t, credentials.Reload())
	}
	close(ended)
	callers.Wait()
	assert.NotEqual(t, before, credentials.Expires())
}

// Who gets no new certificate is out when the old one ends, however long its
// connections have been open.
func TestAConnectionEndsWithItsCertificate(t *testing.T) {
	w := private(t)
	b := w.port("b", "f")
	w.echo(b)
	files := w.ca.Odd(t, "a", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(3 * time.Second) })
	pair := w.load(files, "a")
	a := w.port("a", "f", func(o *Options) { o.Credentials = pair })
	conn, err := a.Stream().Dial("b", b.Addr(), soon)
	require.NoError(t, err)
	_, err = exchange(conn, "entries")
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	_, err = io.Copy(io.Discard, conn)
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "b has ended it")

	_, err = a.Stream().Dial("b", b.Addr(), soon)
	assert.ErrorContains(t, err, "it refuses this node's certificate")
	assert.True(t, pair.Expires().Before(time.Now()))
}
