package systemtest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// engine is the machine's Docker engine, with an image of the program that the
// Docker executor's own tests run.
type engine struct {
	*client.Client
	image string
}

// docker finds the engine and makes the image; a test is skipped where there is
// none.
func docker(t *testing.T) engine {
	t.Helper()
	c, err := client.New(client.FromEnv)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	if _, err := c.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		t.Skip("no Docker engine")
	}
	file := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "../../node/executor/docker/testdata/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	program, err := os.ReadFile(file)
	require.NoError(t, err)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: int64(len(program))}))
	w.Write(program)
	require.NoError(t, w.Close())
	e := engine{c, fmt.Sprintf("starling-systemtest:%d", os.Getpid())}
	answer, err := c.ImageImport(t.Context(), client.ImageImportSource{Source: &layer, SourceName: "-"}, e.image,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/program"]`}})
	require.NoError(t, err)
	io.Copy(io.Discard, answer)
	t.Cleanup(func() { c.ImageRemove(context.Background(), e.image, client.ImageRemoveOptions{Force: true}) })
	return e
}

// containers counts those of a session, running or not.
func (e engine) containers(t *testing.T, session string) int {
	t.Helper()
	found, err := e.ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", "calycopis-broker-session="+session),
	})
	require.NoError(t, err)
	return len(found.Items)
}

// Promises 2 and 7, of containers: one outlives kill -9 of its node, and is found
// again; one that is cancelled is stopped, and nothing is left of it.
func TestPromise2And7ContainersOutliveTheirNodeAndNotTheirSession(t *testing.T) {
	e := docker(t)
	n := start(t, "--executors", "docker")

	id := n.accept(work{image: e.image, command: []string{"print:begun", "sleep:3", "print:ended"}})
	n.await(id, "RUNNING")
	n.Restart()
	n.await(id, "COMPLETED")
	n.ranOnce(id, "COMPLETED")
	assert.Equal(t, "begun\nended\n", string(n.do("GET", "/sessions/"+id+"/stdout", nil).Body))
	assert.Zero(t, e.containers(t, id))

	id = n.accept(work{image: e.image, command: []string{"deaf", "sleep:600"}})
	n.await(id, "RUNNING")
	eventually(t, "the container to run", func() bool { return e.containers(t, id) == 1 })
	require.Equal(t, 200, n.setPhase(id, "CANCELLED").Status)
	eventually(t, "the container to be gone", func() bool { return e.containers(t, id) == 0 })
	n.ranOnce(id, "CANCELLED")
	n.settled()
}
