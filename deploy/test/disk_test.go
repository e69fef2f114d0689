package systemtest

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallDisk mounts a file system of some MiB for the test.
func smallDisk(t *testing.T, mib string) string {
	dir := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("starling-test", dir, "tmpfs", 0, "size="+mib+"m"); err != nil {
		t.Skipf("a small file system can't be mounted here (only root may): %v", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = file.Write(block)
	}
	require.True(t, errors.Is(err, syscall.ENOSPC), "%v", err)
}

// findsTheDiskFull waits until a node has found out that its disk is full, and
// returns how it refuses. What it is asked for meanwhile is more than it has: an
// answer that the disk still had room for then holds nothing.
func (n *Node) findsTheDiskFull() (refused answer) {
	n.t.Helper()
	eventually(n.t, "an answer 503", func() bool {
		refused = n.do("POST", "/requests", work{pause: 0.01, cores: 1000}.request())
		return refused.Status == 503
	})
	return refused
}

// A full disk: new answers stop with 503 and say why, reads go on, nothing that
// was accepted is lost, and when there is room again so is the node.
func TestPromise2AFullDiskStopsAnswersAndLosesNothing(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "24")
	n, g := newNode(t, filepath.Join(disk, "data")), newGate(t)
	n.Start()
	running := n.accept(work{command: g.program()})
	g.began(1)
	n.await(running, "RUNNING")
	offered := n.ask(work{pause: 0.01}).Offers[0].Meta.UUID

	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	refused := n.findsTheDiskFull()
	assert.Equal(t, "application/problem+json", refused.Header.Get("Content-Type"))
	assert.NotEmpty(t, refused.Header.Get("Retry-After"))
	assert.Contains(t, string(refused.Body), "no space left on device")
	assert.Contains(t, string(refused.Body), "accepted is safe")
	assert.Equal(t, 503, n.setPhase(offered, "ACCEPTED").Status)
	assert.Equal(t, 503, n.do("POST", "/direct", work{pause: 0.01}.request()).Status)
	ready := n.do("GET", "/readyz", nil)
	assert.Equal(t, 503, ready.Status)
	assert.Contains(t, string(ready.Body), "no space left on device")
	assert.Equal(t, 200, n.do("GET", "/healthz", nil).Status)
	for _, path := range []string{"/sessions", "/sessions/" + running, "/history", "/accounts", "/federation/nodes", "/metrics"} {
		assert.Equal(t, 200, n.do("GET", path, nil).Status, "reads go on: %s", path)
	}
	assert.Equal(t, "RUNNING", n.session(running).Phase)

	require.NoError(t, os.Remove(filler))
	eventually(t, "the node to be ready again", func() bool { return n.do("GET", "/readyz", nil).Status == 200 })
	require.Equal(t, 200, n.setPhase(offered, "ACCEPTED").Status, "an offer that had not expired")
	n.await(offered, "COMPLETED")
	n.await(n.accept(work{pause: 0.01}), "COMPLETED")
	g.Open()
	n.ranOnce(running, "COMPLETED")
	assert.Equal(t, 1, g.count("began"))
	assert.Equal(t, "done\n", n.file(running, "result.txt"))
}

// Work that ends while the disk is full is not lost either; killed on the full
// disk, the node comes back when there is room.
func TestPromise2WorkThatEndsOnAFullDiskIsReportedLater(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "24")
	n, g := newNode(t, filepath.Join(disk, "data")), newGate(t)
	n.Start()
	id := n.accept(work{command: g.program()})
	g.began(1)
	n.await(id, "RUNNING")
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	n.findsTheDiskFull()
	g.Open()
	eventually(t, "the program to end", func() bool { return g.count("ended") == 1 && g.waiting() == 0 })
	assert.Equal(t, "RUNNING", n.session(id).Phase, "nothing is told that isn't durable")
	n.Kill()
	require.NoError(t, os.Remove(filler))
	n.Start()
	eventually(t, "the session to end", func() bool { return terminal(n.session(id).Phase) })
	n.settled()
	assert.Equal(t, "COMPLETED", n.session(id).Phase)
}
