package flock

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starling/federation/identity"
	"starling/node/config"
)

// patience bounds a test that hangs; no claim is made by it.
const patience = 4 * time.Minute

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// flock is nodes that belong together.
type flock struct {
	t testing.TB
	*network
	nodes []*node
}

// newFlock starts a federation of so many nodes, called a, b, c…, which know each
// other. Edit, if there is one, changes the configuration of the node of a number.
func newFlock(t testing.TB, size int, edit func(i int, c *config.Config)) *flock {
	t.Helper()
	f := &flock{t: t, network: newNetwork()}
	dir, join := t.TempDir(), ""
	for i := range size {
		f.nodes = append(f.nodes, newNode(t, f.network, string(rune('a'+i)), dir, join, func(c *config.Config) {
			if edit != nil {
				edit(i, c)
			}
		}))
		join = f.nodes[0].config.Federation.Gossip
	}
	f.nodes[0].up()
	f.together(f.nodes[1:], (*node).start)
	f.acquainted()
	return f
}

// together does something with nodes at the same time.
func (f *flock) together(nodes []*node, do func(*node) error) {
	f.t.Helper()
	errs := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { errs[i] = do(n) })
	}
	all.Wait()
	for i, err := range errs {
		require.NoError(f.t, err, nodes[i].name)
	}
}

// acquainted waits until each living node knows that all the others live, and has
// heard them: in development, nodes gossip the keys by which they are believed.
func (f *flock) acquainted() {
	f.t.Helper()
	for _, n := range f.up() {
		eventually(f.t, n.name+" to know the others", func() bool {
			heard := n.known()
			for _, other := range f.up() {
				if !slices.ContainsFunc(heard, func(k known) bool {
					return k.Name == other.name && k.Member != nil && k.Member.State == "alive" && k.Member.Applied > 0
				}) {
					return false
				}
			}
			return true
		})
	}
}

// known is what a node says of the federation's nodes.
func (n *node) known() []known {
	n.t.Helper()
	var answer struct{ Nodes []known }
	n.get(operator, "/federation/nodes", &answer)
	return answer.Nodes
}

// known is a node as another one knows it.
type known struct {
	Name           string
	Alive          bool
	Free, Capacity struct{ Cores, Memory, Storage int64 }
	Member         *struct {
		State, Role string
		Applied     uint64
	}
}

// up are the nodes that are up.
func (f *flock) up() (up []*node) {
	for _, n := range f.nodes {
		if n.alive() {
			up = append(up, n)
		}
	}
	return up
}

// node is the one of a name.
func (f *flock) node(name string) *node {
	f.t.Helper()
	for _, n := range f.nodes {
		if n.name == name {
			return n
		}
	}
	f.t.Fatalf("there is no node %q", name)
	return nil
}

// owner is the node that a UUID names.
func (f *flock) owner(id string) *node {
	u, err := identity.ParseUUID(id)
	if err == nil {
		for _, n := range f.nodes {
			if u.Owner() == identity.NodeName(n.name).Tag() {
				return n
			}
		}
	}
	f.t.Errorf("session %q is no node's", id)
	return f.nodes[0]
}

// but are all nodes but some.
func (f *flock) but(without ...*node) (others []*node) {
next:
	for _, n := range f.nodes {
		for _, w := range without {
			if n == w {
				continue next
			}
		}
		others = append(others, n)
	}
	return others
}

// one is one of some nodes, by chance.
func one[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }

// await waits until a session is in a phase, as a node tells.
func (f *flock) await(at *node, u user, id, phase string) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%s to be %s, as %s tells", id, phase, at.name), func() bool {
		now := at.phase(u, id)
		if terminal(now) && now != phase {
			f.t.Fatalf("session %s is %s, not %s", id, now, phase)
		}
		return now == phase
	})
}

// ok reports whether something was answered as it should be.
func ok(a answer, err error) bool { return err == nil && a.status == http.StatusOK }
