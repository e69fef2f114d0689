package line

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
	"starling/federation/certificate/certificatetest"
)

// A stranger gets nothing but a closed connection, is counted by the reason, and
// leaves the port as it was.
func TestStrangersAreRefusedAndCounted(t *testing.T) {
	w := private(t)
	b := w.port("b", "f", impatient)
	w.echo(b)
	b.Serve(greet)
	other := certificatetest.New(t)
	good := w.ca.Files(t, "a")
	config := func(files certificate.Files) *tls.Config {
		pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		require.NoError(t, err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(w.ca.Certificate())
		return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ServerName: certificate.HostOf("b"), MinVersion: tls.VersionTLS12}
	}
	odd := func(node string, change func(*x509.Certificate)) *tls.Config {
		return config(w.ca.Odd(t, node, change))
	}
	plain := func(text string) func(net.Conn) { return func(c net.Conn) { _, _ = io.WriteString(c, text) } }
	with := func(c *tls.Config, text []byte) func(net.Conn) {
		return func(conn net.Conn) {
			private := tls.Client(conn, c)
			_ = private.SetDeadline(time.Now().Add(soon))
			_, _ = private.Write(text)
			_, _ = io.Copy(io.Discard, private)
		}
	}
	say := func(h hello) []byte { return h.encode() }
	yes := say(hello{protocolRaft, "a", "b", "f"})

	for name, c := range map[string]struct {
		reason Reason
		do     func(net.Conn)
	}{
		"says nothing":              {ReasonSlow, func(net.Conn) {}},
		"goes away":                 {ReasonSlow, func(c net.Conn) { _ = c.Close() }},
		"garbage":                   {ReasonGarbage, plain(strings.Repeat("\x00\xff garbage", 100))},
		"HTTP":                      {ReasonGarbage, plain("GET / HTTP/1.1\r\nHost: b\r\n\r\n")},
		"hello without TLS":         {ReasonGarbage, plain(string(yes))},
		"TLS 1.2":                   {ReasonCertificate, func(conn net.Conn) { c := config(good); c.MaxVersion = tls.VersionTLS12; with(c, yes)(conn) }},
		"no certificate":            {ReasonCertificate, func(conn net.Conn) { c := config(good); c.Certificates = nil; with(c, yes)(conn) }},
		"another CA":                {ReasonCertificate, with(config(other.Files(t, "a")), yes)},
		"another role":              {ReasonCertificate, with(odd("role", func(c *x509.Certificate) { c.DNSNames = []string{"a.executor.starling"} }), yes)},
		"no role":                   {ReasonCertificate, with(odd("none", func(c *x509.Certificate) { c.DNSNames = nil }), yes)},
		"two nodes":                 {ReasonCertificate, with(odd("two", func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "a.node.starling") }), yes)},
		"servers only":              {ReasonCertificate, with(odd("server", func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }), yes)},
		"expired":                   {ReasonCertificate, with(odd("old", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), yes)},
		"the CA itself":             {ReasonCertificate, with(config(w.authority()), yes)},
		"HTTP within TLS":           {ReasonGarbage, with(config(good), []byte("GET /peer/x HTTP/1.1\r\nHost: b\r\n\r\n"))},
		"half a hello":              {ReasonSlow, with(config(good), yes[:20])},
		"a broken hello":            {ReasonGarbage, with(config(good), frame("raft", "a"))},
		"an unknown protocol":       {ReasonGarbage, with(config(good), say(hello{"gopher", "a", "b", "f"}))},
		"a name that is none":       {ReasonGarbage, with(config(good), say(hello{protocolRaft, "a\nlevel=ERROR", "b", "f"}))},
		"another version":           {ReasonVersion, with(config(good), append([]byte(magic), 2, 0, 0))},
		"another node's name":       {ReasonName, with(config(good), say(hello{protocolRaft, "c", "b", "f"}))},
		"the called's own name":     {ReasonName, with(config(good), say(hello{protocolRaft, "b", "b", "f"}))},
		"wants another":             {ReasonWanted, with(config(good), say(hello{protocolRaft, "a", "c", "f"}))},
		"another federation":        {ReasonFederation, with(config(good), say(hello{protocolRaft, "a", "b", "g"}))},
		"another federation's HTTP": {ReasonFederation, with(config(good), say(hello{protocolHTTP, "a", "b", "g"}))},
		"raft of none":              {ReasonFederation, with(config(good), say(hello{protocolRaft, "a", "b", ""}))},
	} {
		t.Run(name, func(t *testing.T) {
			before := b.refusals(t, c.reason)
			conn, err := net.Dial("tcp", b.Addr())
			require.NoError(t, err)
			defer conn.Close()
			c.do(conn)
			world{t, w.ca}.eventually(func() bool { return b.refusals(t, c.reason) == before+1 }, string(c.reason))
			_ = conn.SetReadDeadline(time.Now().Add(soon))
			_, err = io.Copy(io.Discard, conn)
			if err != nil {
				assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it is hung up on")
			}
		})
	}
	assert.NotContains(t, b.log.String(), "\nlevel=ERROR")

	a := w.port("a", "f")
	conn, err := a.Stream().Dial("b", b.Addr(), soon)
	require.NoError(t, err)
	got, err := exchange(conn, "still there")
	require.NoError(t, err)
	assert.Equal(t, "still there", got)
}

// Without TLS a name is believed, and all else is not.
func TestStrangersAreRefusedByADevelopmentNode(t *testing.T) {
	w := dev(t)
	b := w.port("b", "f", impatient)
	w.echo(b)
	for name, c := range map[string]struct {
		reason Reason
		say    []byte
	}{
		"HTTP":               {ReasonGarbage, []byte("GET / HTTP/1.1\r\nHost: b\r\n\r\n")},
		"short garbage":      {ReasonGarbage, []byte("ehlo\r\n")},
		"TLS":                {ReasonGarbage, append([]byte{22, 3, 1, 2, 0, 1, 0}, make([]byte, 500)...)},
		"a huge hello":       {ReasonGarbage, append([]byte(magic), version, 255, 255)},
		"nothing":            {ReasonSlow, nil},
		"wants another":      {ReasonWanted, hello{protocolRaft, "a", "c", "f"}.encode()},
		"another federation": {ReasonFederation, hello{protocolRaft, "a", "b", "g"}.encode()},
	} {
		t.Run(name, func(t *testing.T) {
			before := b.refusals(t, c.reason)
			conn, err := net.Dial("tcp", b.Addr())
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write(c.say)
			require.NoError(t, err)
			world{t, nil}.eventually(func() bool { return b.refusals(t, c.reason) == before+1 }, string(c.reason))
		})
	}
}

// Whoever started the other node reads why it isn't taken.
func TestARefusedCallerIsToldWhy(t *testing.T) {
	both(t, func(w world) {
		b := w.port("b", "7d1f")
		b.Serve(greet)
		w.echo(b)
		stranger := w.port("a", "29c0")
		_, err := stranger.Stream().Dial("b", b.Addr(), soon)
		w.refused(err, ReasonFederation, "it belongs to federation 7d1f, a to 29c0")
		w.eventually(func() bool { return strings.Contains(b.log.String(), "node a, for raft") }, "it is in the log")
		_, err = w.get(stranger.Client(at(map[string]string{"b": b.Addr()})), "http://b/peer/x")
		w.refused(err, ReasonFederation, "it belongs to federation 7d1f, a to 29c0")

		friend := w.port("c", "7d1f")
		_, err = friend.Stream().Dial("d", b.Addr(), soon)
		assert.True(w, IsAnother(err))
		if w.ca == nil {
			w.refused(err, ReasonWanted, "this is b, d was wanted")
			return
		}
		assert.ErrorContains(w, err, "another answers there, with a certificate for b.node.starling")
	})
}

func TestACallerWithoutAGoodCertificateIsToldSo(t *testing.T) {
	w := private(t)
	b := w.port("b", "f")
	foreign := private(t).port("a", "f")
	_, err := foreign.Stream().Dial("b", b.Addr(), soon)
	assert.ErrorContains(t, err, "another CA")

	// One that believes the CA, and isn't believed.
	other := certificatetest.New(t)
	files := other.Files(t, "c")
	files.CA = filepath.Join(t.TempDir(), "both.pem")
	write(t, files.CA, append(w.ca.Certificate(), other.Certificate()...))
	c := w.port("c", "f", func(o *Options) { o.Credentials = w.load(files, "c") })
	_, err = c.Stream().Dial("b", b.Addr(), soon)
	assert.ErrorContains(t, err, "it refuses this node's certificate")
}

// A node with TLS and one without don't understand each other, and say so.
func TestDevelopmentNodesAndOthersDontMix(t *testing.T) {
	plain, safe := dev(t).port("a", "f"), private(t).port("b", "f")
	_, err := plain.Stream().Dial("b", safe.Addr(), soon)
	assert.ErrorContains(t, err, "does it want TLS, or none?")
	_, err = safe.Stream().Dial("a", plain.Addr(), soon)
	assert.ErrorContains(t, err, "does it want TLS, or none?")

	web := &http.Server{Handler: greet}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	_, err = safe.Stream().Dial("c", listener.Addr().String(), soon)
	assert.ErrorContains(t, err, "it does not speak TLS")
	require.NoError(t, web.Close())
	<-served
}

// What the other side says is shown to people: it can't write on their screens.
func TestARefusalsWordsAreCleaned(t *testing.T) {
	w := dev(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = readHello(bufio.NewReader(conn))
		_, _ = conn.Write(frame("evil\x1b[2J", "\x1b[31m\nlevel=ERROR"))
		_ = conn.Close()
	}()
	_, err = w.port("a", "f").Stream().Dial("b", listener.Addr().String(), soon)
	w.refused(err, "evil?[2J", "?[31m?level=ERROR")
}

// authority are files with the CA's own certificate and key.
func (w world) authority() certificate.Files {
	w.Helper()
	pair, err := w.ca.Pair()
	require.NoError(w, err)
	dir := w.TempDir()
	write(w, dir+"/ca.pem", pair.Certificate)
	write(w, dir+"/ca-key.pem", pair.Key)
	return certificate.Files{Certificate: dir + "/ca.pem", Key: dir + "/ca-key.pem"}
}
