package systemtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
)

// keys are a federation's own authority and what it vouches for, as `starling
// keygen` makes them.
type keys struct {
	t   *testing.T
	dir string
}

func newKeys(t *testing.T) keys {
	t.Helper()
	k := keys{t, t.TempDir()}
	k.make("ca", "--out", k.path("ca"))
	k.make("gossip", "--out", k.path("gossip.keys"))
	return k
}

func (k keys) path(name string) string { return filepath.Join(k.dir, name) }

func (k keys) make(args ...string) {
	k.t.Helper()
	made := command(k.t, nil, "", append([]string{"keygen"}, args...)...)
	require.Equal(k.t, 0, made.status, made.err)
}

// node has a certificate made, and returns the flags that name all that a node of
// that name needs.
func (k keys) node(name string) []string {
	k.t.Helper()
	k.make("node", name, "--ca", k.path("ca"), "--out", k.path(""))
	return []string{
		"--set", "federation.ca=" + k.path("ca/ca.pem"), "--set", "federation.certificate=" + k.path(name+".pem"),
		"--set", "federation.key=" + k.path(name+".key"), "--set", "federation.gossipKeys=" + k.path("gossip.keys"),
	}
}

// earnest makes a node be none for development: it takes nobody without a
// token, nor another node without a certificate.
func (n *Node) earnest() *Node {
	n.Arguments = slices.DeleteFunc(n.Arguments, func(a string) bool { return a == "--dev" })
	n.Arguments = append(n.Arguments, "--executors", "process,simulator", "--set", "federation.network=lan", "--set", "auth.ownKey=true")
	dir := n.Data + ".tls"
	require.NoError(n.t, os.MkdirAll(dir, 0o700))
	n.Private(certificatetest.Server(n.t, dir))
	return n
}

// addInEarnest makes one more node with a certificate of its own.
func (f *federation) addInEarnest(dir string, k keys, flags ...string) *Node {
	f.t.Helper()
	name := string(rune('a' + len(f.nodes)))
	f.add(dir, append(k.node(name), flags...)...)
	return f.last().earnest()
}

// login gets a token of the node's own.
func (n *Node) login() {
	n.t.Helper()
	n.bearer = n.token("alice", "user", "operator", "auditor")
}

// A federation as it is meant to be run, made by following the README: the first
// node was alone before, and what it did then is on record everywhere. Whoever
// isn't vouched for gets nowhere (strangers_test.go), and changes nothing.
func TestAFederationInEarnestIsItsNodesAndNobodyElse(t *testing.T) {
	t.Parallel()
	k, dir := newKeys(t), t.TempDir()
	f := &federation{t: t}
	a := f.addInEarnest(dir, k)
	together := a.Arguments
	a.Arguments = slices.DeleteFunc(slices.Clone(together), func(flag string) bool { return flag == "--bootstrap" })
	a.Arguments = append(a.Arguments, "--gossip", "", "--raft", "")
	a.Start()
	assert.Equal(t, 401, a.do("GET", "/history", nil).Status, "no token")
	a.login()
	first := a.accept(work{command: sh("echo alone")})
	a.await(first, "COMPLETED")
	require.Equal(t, 0, a.Stop())

	a.Arguments = together
	a.Start()
	sessions := []string{first}
	for range 2 {
		n := f.addInEarnest(dir, k)
		n.Start()
		n.login()
	}
	f.allVote()
	for _, n := range f.nodes {
		id := n.accept(work{command: sh("echo here")})
		n.await(id, "COMPLETED")
		sessions = append(sessions, id)
	}
	f.agree(sessions...)

	before := f.shape()
	t.Run("strangers", func(t *testing.T) { f.refusesStrangers(t, k) })
	assert.Equal(t, before, f.shape(), "nothing has changed")
	id := f.nodes[2].accept(work{command: sh("echo still")})
	f.nodes[2].await(id, "COMPLETED")
	f.agree(append(sessions, id)...)
}

// shape is who is in the federation and who decides, as each node sees it. Who has
// said goodbye is not; who leads may change on a busy machine.
func (f *federation) shape() []map[string][2]string {
	f.t.Helper()
	var all []map[string][2]string
	for _, n := range f.nodes {
		seen := map[string][2]string{}
		for name, m := range n.members() {
			if m.State == "left" {
				continue
			}
			if m.Role == "leader" {
				m.Role = "voter"
			}
			seen[name] = [2]string{m.State, m.Role}
		}
		all = append(all, seen)
	}
	return all
}
