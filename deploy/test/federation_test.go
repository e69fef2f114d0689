package systemtest

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// federation is nodes that belong together, each in a process of its own.
type federation struct {
	t     *testing.T
	nodes []*Node
	launch.Federation
}

// federate starts a federation of so many nodes.
func federate(t *testing.T, size int, flags ...string) *federation {
	t.Helper()
	f := &federation{t: t}
	dir := t.TempDir()
	for range size {
		f.add(dir, flags...)
		f.last().Start()
	}
	return f
}

// add makes one more node, which isn't started.
func (f *federation) add(dir string, flags ...string) {
	f.t.Helper()
	config := dir + "/node.yaml"
	require.NoError(f.t, os.WriteFile(config, []byte(prices), 0o600))
	member, err := f.Add(binary, dir, append([]string{"--capacity", capacity, "--config", config}, flags...)...)
	require.NoError(f.t, err)
	n := &Node{Node: member.Node, t: f.t}
	f.t.Cleanup(n.autopsy)
	f.nodes = append(f.nodes, n)
}

func (f *federation) last() *Node { return f.nodes[len(f.nodes)-1] }

// member is what a node says of a node.
type member struct {
	Name, State, Role string
	Applied, Lag      uint64
	Outbox            struct{ Depth int }
	Self              bool
}

func (n *Node) members() map[string]member {
	n.t.Helper()
	var answer struct{ Nodes []struct{ Member member } }
	n.do("GET", "/federation/nodes", nil).into(n.t, &answer)
	all := map[string]member{}
	for _, node := range answer.Nodes {
		all[node.Member.Name] = node.Member
	}
	return all
}

// leader is the node that leads, once somebody does and all of these say so.
func (f *federation) leader(of ...*Node) *Node {
	f.t.Helper()
	var leader string
	eventually(f.t, "a leader", func() bool {
		leader = ""
		for _, n := range of {
			var log struct{ Leader string }
			n.do("GET", "/federation/log", nil).into(f.t, &log)
			if log.Leader == "" || leader != "" && leader != log.Leader {
				return false
			}
			leader = log.Leader
		}
		return true
	})
	i := slices.IndexFunc(f.Nodes, func(m *launch.Member) bool { return m.Name == leader })
	return f.nodes[i]
}

// allVote waits until all nodes decide.
func (f *federation) allVote() {
	f.t.Helper()
	for _, m := range f.Nodes {
		eventually(f.t, m.Name+" to vote", func() bool {
			role := f.nodes[0].members()[m.Name].Role
			return role == "voter" || role == "leader"
		})
	}
}

// agree waits until all nodes tell the same, and checks what (promises 3, 4 and 5):
// each session has one attempt with one charge, and the ledgers are the same.
func (f *federation) agree(sessions ...string) {
	f.t.Helper()
	for _, n := range f.nodes {
		for _, id := range sessions {
			eventually(f.t, "the history of "+id, func() bool {
				h := n.history(id)
				return len(h) > 0 && h[0].Phase == "COMPLETED"
			})
			done := n.history(id)
			require.Len(f.t, done, 1, "attempts of %s: %+v", id, done)
			n.chargedOnce(done[0])
		}
	}
	f.sameEverywhere()
}

// sameEverywhere waits until all nodes show the same record (promise 5).
func (f *federation) sameEverywhere() {
	f.t.Helper()
	first := f.nodes[0]
	for _, n := range f.nodes[1:] {
		eventually(f.t, "the same record", func() bool {
			return assert.ObjectsAreEqual(first.accounts(), n.accounts()) && assert.ObjectsAreEqual(first.history(""), n.history(""))
		})
	}
}
