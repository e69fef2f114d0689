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
