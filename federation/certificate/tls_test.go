package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// shake lets two ends greet each other, and says what each has against it.
func shake(t *testing.T, server, client *tls.Config) (called, caller tls.ConnectionState, calledErr, callerErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	end := time.Now().Add(time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		bare, err := listener.Accept()
		if err != nil {
			calledErr = err
			return
		}
		defer bare.Close()
		conn := tls.Server(bare, server)
		_ = conn.SetDeadline(end)
		if calledErr = conn.Handshake(); calledErr == nil {
			_, calledErr = conn.Write([]byte("."))
		}
		called = conn.ConnectionState()
		_, _ = conn.Read(make([]byte, 1)) // the caller hangs up first
	}()
	bare, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	conn := tls.Client(bare, client)
	_ = conn.SetDeadline(end)
	if callerErr = conn.Handshake(); callerErr == nil {
		_, callerErr = conn.Read(make([]byte, 1)) // with TLS 1.3 the called decides later
	}
	caller = conn.ConnectionState()
	_ = bare.Close()
	<-done
	return called, caller, calledErr, callerErr
}

func TestNodesOfOneCAKnowEachOther(t *testing.T) {
	ca := certificatetest.New(t)
	a, b := ca.Credentials(t, "a"), ca.Credentials(t, "b")
	called, caller, calledErr, callerErr := shake(t, b.Server(), a.Client("b"))
	require.NoError(t, calledErr)
	require.NoError(t, callerErr)
	name, err := certificate.Peer(called)
	require.NoError(t, err)
	assert.Equal(t, "a", name)
	name, err = certificate.Peer(caller)
	require.NoError(t, err)
	assert.Equal(t, "b", name)
	assert.Equal(t, a.Expires().UTC(), certificate.Ends(called).UTC())
	assert.Equal(t, uint16(tls.VersionTLS13), called.Version)
}

// Each end finds out within the handshake, before anything is believed.
func TestWhoIsNoNodeGetsNotThroughTheHandshake(t *testing.T) {
	ca, other := certificatetest.New(t), certificatetest.New(t)
	a, b := ca.Credentials(t, "a"), ca.Credentials(t, "b")
	foreign := other.Credentials(t, "b")
	pair := func(change func(*x509.Certificate)) []tls.Certificate {
		files := ca.Odd(t, "odd", change)
		own, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		require.NoError(t, err)
		return []tls.Certificate{own}
	}
	caller := func(change func(*x509.Certificate)) *tls.Config {
		c := a.Client("b")
		c.Certificates = pair(change)
		return c
	}
	server := func(change func(*x509.Certificate)) *tls.Config { return &tls.Config{Certificates: pair(change)} }
	role := func(c *x509.Certificate) { c.DNSNames = []string{"odd.executor.starling"} }

	for name, c := range map[string]struct {
		server, client *tls.Config
		called, caller string // what each has against it
	}{
		"caller of another role":      {b.Server(), caller(role), "is no node's", "bad certificate"},
		"caller of two names":         {b.Server(), caller(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "c.node.starling") }), "names two nodes", "bad certificate"},
		"caller of another CA":        {b.Server(), func() *tls.Config { c := foreign.Client("b"); c.RootCAs = a.Client("b").RootCAs; return c }(), "unknown authority", "unknown certificate authority"},
		"another node is called":      {b.Server(), a.Client("c"), "bad certificate", "not c.node.starling"},
		"called of another CA":        {foreign.Server(), a.Client("b"), "bad certificate", "unknown authority"},
		"called of another role":      {server(role), a.Client("odd"), "bad certificate", "not odd.node.starling"},
		"called of a role and a name": {server(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "b.node.starling") }), a.Client("odd"), "bad certificate", "names two nodes"},
		"called of any name":          {server(func(c *x509.Certificate) { c.DNSNames = []string{"*.node.starling"} }), a.Client("odd"), "bad certificate", "lower-case letters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, called, caller := shake(t, c.server, c.client)
			assert.ErrorContains(t, called, c.called)
			assert.ErrorContains(t, caller, c.caller)
		})
	}
}

// Certificates are judged by the node's clock, on both ends.
func TestACertificateThatHasEndedIsRefusedByBothEnds(t *testing.T) {
	ca := certificatetest.New(t)
	later := func() time.Time { return time.Now().Add(48 * time.Hour) }
	long := func(node string, now func() time.Time) *certificate.Credentials {
		files := ca.Odd(t, node, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(96 * time.Hour) })
		credentials, err := certificate.Load(files, node, now)
		require.NoError(t, err)
		return credentials
	}
	short, judge := ca.Credentials(t, "a"), long("b", later) // short's ends after 24 hours
	_, _, called, _ := shake(t, judge.Server(), short.Client("b"))
	assert.ErrorContains(t, called, "expired")
	_, _, _, caller := shake(t, short.Server(), judge.Client("a"))
	assert.ErrorContains(t, caller, "expired")
}

// Who is let in again by a ticket isn't verified again.
func TestNoSessionIsResumed(t *testing.T) {
	ca := certificatetest.New(t)
	server := ca.Credentials(t, "b").Server()
	client := ca.Credentials(t, "a").Client("b")
	client.SessionTicketsDisabled = false
	client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for range 3 {
		called, _, calledErr, callerErr := shake(t, server, client)
		require.NoError(t, calledErr)
		require.NoError(t, callerErr)
		assert.False(t, called.DidResume)
	}
}

func TestAConnectionWithoutAVerifiedCertificateIsNobodys(t *testing.T) {
	_, err := certificate.Peer(tls.ConnectionState{})
	assert.Error(t, err)
	_, err = certificate.Peer(tls.ConnectionState{PeerCertificates: []*x509.Certificate{{DNSNames: []string{"a.node.starling"}}}})
	assert.Error(t, err, "shown, and not verified")
}
