package line

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// revocations are what a test says that a node has been told.
type revocations struct {
	mu  sync.Mutex
	why map[string]string
}

func (r *revocations) add(fingerprint, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == nil {
		r.why = map[string]string{}
	}
	r.why[fingerprint] = why
}

func (r *revocations) of(fingerprint string) (why string, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	why, is = r.why[fingerprint]
	return why, is
}

// A node whose certificate is revoked is out at once: its open connections end,
// in both directions and for Raft and HTTP, and it gets no new ones. It is told why;
// and with another certificate it is welcome.
func TestPromise8ARevokedNodeIsOutAtOnceAndIsToldWhy(t *testing.T) {
	w := private(t)
	told := &revocations{}
	b := w.port("b", "f", func(o *Options) { o.Revoked = told.of })
	b.Serve(greet)
	w.echo(b)
	c := w.port("c", "f")
	c.Serve(greet)
	w.echo(c)
	files := w.ca.Files(t, "a")
	credentials := w.load(files, "a")
	a := w.port("a", "f", func(o *Options) { o.Credentials = credentials })
	a.Serve(greet)
	w.echo(a)

	in, err := a.Stream().Dial("b", b.Addr(), soon)
	require.NoError(t, err)
	out, err := b.Stream().Dial("a", a.Addr(), soon)
	require.NoError(t, err)
	other, err := b.Stream().Dial("c", c.Addr(), soon)
	require.NoError(t, err)
	for _, conn := range []net.Conn{in, out, other} {
		_, err = exchange(conn, "hello")
		require.NoError(t, err)
	}
	find := at(map[string]string{"a": a.Addr(), "b": b.Addr()})
	asking, asked := a.Client(find), b.Client(find)
	_, err = w.get(asking, "http://b/peer/x")
	require.NoError(t, err)
	_, err = w.get(asked, "http://a/peer/x")
	require.NoError(t, err)
	assert.Equal(t, []string{credentials.Fingerprint()}, b.Certificates("a"))
	assert.NoError(t, a.Shunned())

	told.add(credentials.Fingerprint(), "a's certificate was revoked by olga: stolen")
	b.Sever()
	for name, conn := range map[string]net.Conn{"in": in, "out": out} {
		_ = conn.SetReadDeadline(time.Now().Add(soon)) // unless it is closed already
		_, err = io.ReadFull(conn, make([]byte, 1))
		assert.Error(t, err, name)
		assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
	_, err = exchange(other, "still here")
	assert.NoError(t, err, "nobody else is touched")

	before := b.refusals(t, ReasonRevoked)
	_, err = a.Stream().Dial("b", b.Addr(), soon)
	w.refused(err, ReasonRevoked, "a's certificate was revoked by olga: stolen")
	_, err = w.get(asking, "http://b/peer/x")
	w.refused(err, ReasonRevoked, "a's certificate was revoked by olga: stolen")
	w.eventually(func() bool { return b.refusals(t, ReasonRevoked) == before+2 }, "it is counted")
	_, err = b.Stream().Dial("a", a.Addr(), soon)
	assert.ErrorContains(t, err, "this node refuses it: a's certificate was revoked by olga: stolen")
	_, err = w.get(asked, "http://a/peer/x")
	assert.ErrorContains(t, err, "this node refuses it")
	assert.ErrorContains(t, a.Shunned(), "stolen", "the node itself knows")
	assert.Contains(t, a.log.String(), "other nodes refuse this node: its certificate was revoked")

	w.ca.Files(t, "a") // another certificate, with another key, over the old one
	require.NoError(t, credentials.Reload())
	assert.NoError(t, a.Shunned())
	again, err := a.Stream().Dial("b", b.Addr(), soon)
	require.NoError(t, err)
	_, err = exchange(again, "hello")
	require.NoError(t, err)
	_, err = w.get(asked, "http://a/peer/x")
	require.NoError(t, err)
	assert.Len(t, b.Certificates("a"), 2)
}

// A certificate that is revoked between its handshake and whatever comes next is
// found by one of the two: the connection is known by its certificate before that
// is looked up.
func TestNoConnectionSlipsThroughWhileItsCertificateIsRevoked(t *testing.T) {
	w := private(t)
	var p *testPort
	told := &revocations{}
	late := func(fingerprint string) (string, bool) {
		told.add(fingerprint, "just now")
		p.Sever() // it sees the connection already
		return "", false
	}
	var once sync.Once
	p = w.port("b", "f", func(o *Options) {
		o.Revoked = func(fingerprint string) (why string, is bool) {
			first := false
			once.Do(func() { first = true })
			if first {
				return late(fingerprint)
			}
			return told.of(fingerprint)
		}
	})
	w.echo(p)
	a := w.port("a", "f")
	conn, err := a.Stream().Dial("b", p.Addr(), soon)
	if err == nil {
		_, err = exchange(conn, "hello")
	}
	assert.Error(t, err)
}

// One that is revoked says nothing that is read: the refusal comes right behind the
// handshake.
func TestARevokedCallerIsRefusedBeforeItSaysAWord(t *testing.T) {
	w := private(t)
	told := &revocations{}
	b := w.port("b", "f", func(o *Options) { o.Revoked = told.of })
	credentials := w.ca.Credentials(t, "a")
	told.add(credentials.Fingerprint(), "revoked")
	conn, err := tls.Dial("tcp", b.Addr(), credentials.Client("b"))
	require.NoError(t, err)
	defer conn.Close()
	got, err := readAnswer(conn)
	require.NoError(t, err)
	assert.Equal(t, answer{ReasonRevoked, "revoked"}, got)
}
