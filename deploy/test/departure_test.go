package systemtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnOperatorSeesNodesGoAndComeBack(t *testing.T) {
	t.Parallel()
	f := federate(t, 4)
	f.allVote()
	a, c, d := f.nodes[0], f.nodes[2], f.nodes[3]

	no := a.starling("nodes", "remove", "d")
	assert.Equal(t, 1, no.status)
	assert.Contains(t, no.err, "d is alive")
	left := d.starling("leave")
	require.Equal(t, 0, left.status, left.err)
	select {
	case <-d.Ended():
	case <-time.After(patience):
		t.Fatal("it has left, and goes on")
	}
	assert.Equal(t, 0, d.Status(), d.Said())
	eventually(t, "d to be gone", func() bool { return a.members()["d"].Role != "voter" })

	c.Kill()
	eventually(t, "c to be dead", func() bool { return a.members()["c"].State == "dead" })
	gone := a.starling("nodes", "remove", "c")
	require.Equal(t, 0, gone.status, gone.err)
	id := a.accept(work{command: sh("echo two are enough")})
	a.await(id, "COMPLETED")
	eventually(t, "b to know", func() bool { return len(f.nodes[1].history(id)) == 1 })

	c.Start()
	d.Start()
	for _, n := range []*Node{c, d} {
		eventually(t, "the record at who came back", func() bool { return len(n.history(id)) == 1 })
	}
}

// Each node tells of all: what they have free as it changes, and who has left, or was
// killed, with what it said last and how old that is; and who watches is told.
func TestEachNodeKnowsWhatAllHaveFree(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	f.allVote()
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	for _, n := range f.nodes {
		for _, name := range []string{"a", "b", "c"} {
			eventually(t, name+" to be known at "+n.URL, func() bool {
				entry := n.entry(name)
				return entry.Alive && entry.Capacity.Cores == 8 && entry.Free == entry.Capacity && len(entry.Kinds) > 0 && len(entry.Rates) > 0
			})
		}
	}
	assert.Equal(t, b.URL, a.entry("b").URL)

	id := b.accept(work{command: sh("sleep 3600"), cores: 3})
	b.await(id, "RUNNING")
	busy := ""
	eventually(t, "somebody to be known to run something", func() bool {
		for _, name := range []string{"a", "b", "c"} {
			if entry := b.entry(name); entry.Running == 1 && entry.Free.Cores == 5 {
				busy = name
			}
		}
		return busy != ""
	})
	for _, n := range f.nodes {
		eventually(t, n.URL+" to know that, too", func() bool { return n.entry(busy).Free.Cores == 5 })
	}
	require.Equal(t, 200, b.setPhase(id, "CANCELLED").Status)
	for _, n := range f.nodes {
		eventually(t, n.URL+" to know that all are idle again", func() bool { return n.entry(busy).Free.Cores == 8 })
	}

	left := b.starling("leave")
	require.Equal(t, 0, left.status, left.err)
	for _, n := range []*Node{a, c} {
		eventually(t, "b to have left", func() bool {
			entry := n.entry("b")
			return entry.Name == "" || !entry.Alive && entry.Member.State == "left"
		})
	}
	c.Kill()
	eventually(t, "c to be dead", func() bool {
		entry := a.entry("c")
		return !entry.Alive && entry.Member.State == "dead" && entry.Capacity.Cores == 8 && entry.AgeSeconds > 0
	})
	table := a.starling("nodes")
	assert.Regexp(t, `(?m)^a +alive +8/8`, table.out)
	assert.Regexp(t, `(?m)^c +dead +8/8`, table.out)
}

// nodeEntry is what a node tells of a node.
type nodeEntry struct {
	Name, URL      string
	Alive          bool
	AgeSeconds     float64
	Capacity, Free struct{ Cores, Memory int64 }
	Running        int
	Kinds          []string
	Rates          []map[string]any
	Member         member
}

func (n *Node) entry(name string) nodeEntry {
	n.t.Helper()
	var answer struct{ Nodes []nodeEntry }
	n.do("GET", "/federation/nodes", nil).into(n.t, &answer)
	for _, e := range answer.Nodes {
		if e.Name == name {
			return e
		}
	}
	return nodeEntry{}
}
