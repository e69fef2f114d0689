package systemtest

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runs has a session run at a node.
func (n *Node) runs() string {
	n.t.Helper()
	id := n.accept(work{command: sh("echo here")})
	n.await(id, "COMPLETED")
	return id
}

// A node whose part of the record is damaged says so and ends, and serves none of
// it; what it says to do brings it back, with its sessions and what it had not
// handed over. One that lost all, or was set back to an older copy, costs the
// record nothing (promises 3 and 5).
func TestPromises3And5ANodeWhoseFilesAreDamagedLostOrOld(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	f.allVote()
	a, c := f.nodes[0], f.nodes[2]
	sessions := []string{a.runs(), c.runs()}
	f.agree(sessions...)
	for _, damage := range []struct {
		name, file string
		do         func(t *testing.T, path string)
		says       string
	}{
		{"pages of state.db", "state.db", overwritePages, "corrupt"},
		{"the end of state.db", "state.db", cutOff, "corrupt"},
		{"a bit of a value of state.db", "state.db", flipABit, "corrupt"},
		{"pages of raft.db", "raft.db", overwritePages, "corrupt"},
		{"the end of raft.db", "raft.db", cutOff, "corrupt"},
		{"raft.db, lost", "raft.db", remove, "raft.db"},
	} {
		require.Equal(t, 0, c.Stop(), damage.name)
		damage.do(t, filepath.Join(c.Data, damage.file))
		c.forgetLog()
		c.launch()
		served := c.servesUntilItEnds()
		said := c.Said()
		c.forgetLog() // it may tell where bbolt has panicked
		t.Logf("%s: status %d, %s", damage.name, c.Status(), last(strings.TrimSpace(said), 1))
		assert.Zero(t, served, "%s: answers with the record", damage.name)
		assert.Positive(t, c.Status(), damage.name)
		assert.Contains(t, said, damage.says, damage.name)
		assert.Contains(t, said, damage.file, damage.name)
		assert.Contains(t, said, "starling debug recover --rejoin", "%s: the way out", damage.name)

		out := command(t, nil, "", "debug", "recover", "--rejoin", "--yes", "--data", c.Data)
		require.Equal(t, 0, out.status, "%s: %s", damage.name, out.err)
		c.Start()
		c.awaitAnywhere(sessions[1], "COMPLETED") // of b, which learns by gossip what key c has now
		sessions = append(sessions, c.runs())
		f.agree(sessions...)
	}

	t.Log("set back to an older copy")
	require.Equal(t, 0, c.Stop())
	copied := filepath.Join(t.TempDir(), "copy")
	out, err := exec.Command("cp", "-a", c.Data, copied).CombinedOutput()
	require.NoError(t, err, "%s", out)
	c.Start()
	forgotten := c.runs()
	f.agree(append(sessions, forgotten)...)
	c.Kill()
	require.NoError(t, os.RemoveAll(c.Data))
	require.NoError(t, os.Rename(copied, c.Data))
	c.Start()
	assert.Equal(t, 404, c.do("GET", "/sessions/"+forgotten, nil).Status, "its store is from before")
	sessions = append(sessions, forgotten, c.runs())
	f.agree(sessions...)

	t.Log("wiped")
	c.Kill()
	require.NoError(t, os.RemoveAll(c.Data))
	c.Start()
	sessions = append(sessions, c.runs())
	f.agree(sessions...)
	f.allVote()
}

// forgetLog empties the log of a node that is down, which has told no race.
func (n *Node) forgetLog() {
	n.t.Helper()
	assert.NotContains(n.t, n.Said(), "DATA RACE")
	require.NoError(n.t, os.Truncate(n.Log, 0))
}

// servesUntilItEnds counts the answers with the record that a node gives before it
// ends by itself.
func (n *Node) servesUntilItEnds() (answers int) {
	n.t.Helper()
	eventually(n.t, "the node to end", func() bool {
		if a, err := n.try("GET", "/history", nil); err == nil && a.Status == http.StatusOK {
			answers++
		}
		return !n.Alive()
	})
	return answers
}

// overwritePages writes something else over every page of a bolt file but the
// first two, which say where the others are.
func overwritePages(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	size := os.Getpagesize()
	for at := 2 * size; at < len(data); at += size {
		for i := range 64 {
			data[at+i] ^= 0xa5
		}
	}
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// flipABit flips one in values of the history, of which bbolt sees nothing.
func flipABit(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), "COMPLETED")
	require.NoError(t, os.WriteFile(path, bytes.ReplaceAll(data, []byte("COMPLETED"), []byte("COMPLETEE")), 0o600))
}

// cutOff leaves some pages of a bolt file; how many are used of its end, nobody
// knows.
func cutOff(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.Truncate(path, int64(5*os.Getpagesize()/2)))
}

func remove(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.Remove(path))
}
