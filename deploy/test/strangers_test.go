package systemtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// refusesStrangers lets those try to get in who have no business there.
func (f *federation) refusesStrangers(t *testing.T, k keys) {
	a := f.Nodes[0]
	t.Run("who is no node gets nothing from the port between nodes", func(t *testing.T) {
		t.Parallel()
		for name, says := range map[string][]byte{
			"garbage": bytes.Repeat([]byte("garbage "), 2000),
			"HTTP":    []byte("GET /peer/log HTTP/1.1\r\nHost: a\r\n\r\n"),
			"a hello": append([]byte("starling\x01\x00\x0c"), "\x04raft\x01b\x01a\x03f-1"...),
		} {
			got := call(t, a.Raft, says)
			assert.LessOrEqual(t, len(got), 64, "%s is answered %q", name, got) // a TLS alert
			assert.NotContains(t, string(got), "HTTP/1.1 200", name)
		}
		other := newKeys(t)
		other.node("b")
		pair, err := tls.LoadX509KeyPair(other.path("b.pem"), other.path("b.key"))
		require.NoError(t, err)
		for name, certificates := range map[string][]tls.Certificate{"no certificate": nil, "one of another CA": {pair}} {
			config := &tls.Config{InsecureSkipVerify: true, Certificates: certificates}
			conn, err := tls.Dial("tcp", a.Raft, config)
			if err == nil { // in TLS 1.3 the client is done first
				require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
				_, err = conn.Read(make([]byte, 1))
				_ = conn.Close()
			}
			require.Error(t, err, name)
			assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
		}
	})
	t.Run("who hasn't the key gets nothing from gossip", func(t *testing.T) {
		t.Parallel()
		for _, says := range []string{"\x06garbage", "\x0asite\x00\x00\x00\xff", "GET / HTTP/1.0\r\n\r\n"} {
			call(t, a.Gossip, []byte(says))
			packet, err := net.Dial("udp", a.Gossip)
			require.NoError(t, err)
			_, _ = io.WriteString(packet, says)
			require.NoError(t, packet.Close())
		}
	})

	t.Run("a node of another CA", func(t *testing.T) {
		t.Parallel()
		other := newKeys(t)
		n := f.stranger(t, append(other.node("d"), "--set", "federation.gossipKeys="+k.path("gossip.keys"))...).earnest()
		n.launch()
		eventually(t, "it to say what is wrong", func() bool {
			return strings.Contains(n.Said(), "the federation has not taken this node in yet") && strings.Contains(n.Said(), "another CA than that in this node's federation.ca")
		})
		require.NoError(t, syscall.Kill(n.Pid(), syscall.SIGTERM)) // it would go on asking for a minute
		n.endsSaying("join the federation")
		assert.NoFileExists(t, n.Data+"/issuer.key", "it has begun nothing")
	})

	stranger := newKeys(t)
	mine := k.node("d")
	unsafe := newKeys(t).node("d")
	require.NoError(t, os.Chmod(unsafe[5][len("federation.key="):], 0o644))
	for name, tt := range map[string]struct {
		flags []string
		want  []string
	}{
		"with another gossip key": {append(mine, "--set", "federation.gossipKeys="+stranger.path("gossip.keys")), []string{a.Gossip, "starling keygen gossip"}},
		"of another name":         {append(mine, "--name", "e"), []string{"the certificate is for d, this node is e", k.path("d.pem")}},
		"whose key others read":   {unsafe, []string{unsafe[5][len("federation.key="):], "chmod 600"}},
		"without a certificate":   {mine[6:], []string{"federation.ca: is needed", "federation.certificate: is needed", "federation.key: is needed"}},
		"whose CA isn't there":    {append(mine, "--set", "federation.ca=/nowhere/ca.pem"), []string{"/nowhere/ca.pem"}},
		"for development":         {[]string{"--dev"}, []string{a.Gossip, "starling keygen gossip"}},
	} {
		t.Run("a node "+name, func(t *testing.T) {
			t.Parallel()
			n := f.stranger(t, tt.flags...)
			if tt.flags[0] != "--dev" {
				n.earnest()
			}
			n.launch()
			n.endsSaying(tt.want...)
		})
	}
}

// stranger makes a node d that wants to join, and is none of the federation.
func (f *federation) stranger(t *testing.T, flags ...string) *Node {
	t.Helper()
	extra := launch.Federation{Nodes: slices.Clone(f.Nodes[:3])}
	m, err := extra.Add(binary, t.TempDir(), flags...)
	require.NoError(t, err)
	n := &Node{Node: m.Node, t: t}
	t.Cleanup(n.Kill)
	return n
}

// endsSaying waits until a node that can't start has ended, and looks at what it
// said.
func (n *Node) endsSaying(want ...string) {
	n.t.Helper()
	select {
	case <-n.Ended():
	case <-time.After(patience):
		n.Kill()
		n.t.Fatalf("it has not ended; it said:\n%s", n.Said())
	}
	assert.NotZero(n.t, n.Status())
	for _, text := range want {
		assert.Contains(n.t, n.Said(), text)
	}
	n.checkLogs()
}

// call says something over TCP, and returns what is answered until the other side
// hangs up.
func call(t *testing.T, address string, says []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, _ = conn.Write(says) // it may hang up before all of it
	got, err := io.ReadAll(bufio.NewReader(conn))
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is left open")
	_, err = http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil)
	assert.Error(t, err, "%q", got)
	return got
}
