package systemtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promises 2 to 5: a full disk at the leader stops its own answers; the others go
// on with another leader, and nothing is lost when there is room again. When later
// two of three nodes are lost for good, README's "When a majority is lost",
// followed to the letter, saves all that the third has.
func TestPromises2To5ALeaderWithoutRoomAndAMajorityLostForGood(t *testing.T) {
	t.Parallel()
	disk, dir := smallDisk(t, "64"), t.TempDir()
	f := &federation{t: t}
	for _, in := range []string{disk, dir, dir} {
		f.add(in)
		f.last().Start()
	}
	f.allVote()
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	sessions := []string{a.runs(), b.runs(), c.runs()}
	f.agree(sessions...)

	for leader := f.leader(f.nodes...); leader != a; leader = f.leader(f.nodes...) {
		require.Equal(t, 0, leader.Stop())
		leader.Start()
	}
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	a.findsTheDiskFull()
	for led := true; led; led = f.leader(b, c) == a { // its log may have a little room left
		sessions = append(sessions, b.runs(), c.runs())
		for _, n := range []*Node{b, c} {
			for _, id := range sessions {
				eventually(t, "the record of b and c", func() bool { h := n.history(id); return len(h) == 1 && h[0].Phase == "COMPLETED" && !h[0].Pending })
			}
		}
	}
	require.NoError(t, os.Remove(filler))
	eventually(t, "a to take work again", func() bool { return a.do("GET", "/readyz", nil).Status == 200 })
	sessions = append(sessions, a.runs())
	f.agree(sessions...)

	for _, n := range f.nodes[:2] {
		n.Kill()
		require.NoError(t, os.RemoveAll(n.Data))
	}
	alone := c.runs()
	sessions = append(sessions, alone)
	require.Equal(t, 0, c.Stop())
	shown := command(t, nil, "", "debug", "recover", "--data", c.Data)
	require.Equal(t, 0, shown.status, shown.err)
	assert.Regexp(t, `log ends +in term \d+ at entry \d+`, shown.out)
	done := command(t, nil, "", "debug", "recover", "--yes", "--data", c.Data)
	require.Equal(t, 0, done.status, done.err)
	c.Start()
	require.Equal(t, c, f.leader(c))
	// New machines take the places, and names, of those that are gone.
	for _, n := range f.nodes[:2] {
		n.Arguments = append(n.Arguments, "--bootstrap=false", "--join", f.Nodes[2].Gossip)
		n.Start()
		sessions = append(sessions, n.runs())
	}
	f.agree(sessions...)
	f.allVote()
}
