//go:build docker

package upkeep

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// A node whose disk is lost gets back what its backup has, as OPERATORS.md says: all but
// its part of the log, which would have forgotten votes. The record is the others': it
// has no attempt twice, and also those that the node itself has forgotten.
func TestABackupIsPutBackAfterTheDiskIsLost(t *testing.T) {
	s := federation.Sites[2]
	user, boss := at(t, s.Name, "alice"), operator(t, federation.Sites[0].Name)
	kept := user.completed(t)

	require.NoError(t, s.Node.Stop(t.Context()))
	backup := filepath.Join(t.TempDir(), "backup")
	run(t, "cp", "-a", s.Data, backup)
	back(t, s)
	forgotten := user.completed(t)
	drained(t, s)
	server := boss.members(t)[s.Name].Member.Server

	require.NoError(t, s.Node.Kill(t.Context()))
	empty(t, s.Data)
	run(t, "cp", "-a", backup+"/.", s.Data)
	for _, file := range []string{"state.db", "raft.db"} {
		require.NoError(t, os.Remove(filepath.Join(s.Data, file)))
	}
	back(t, s)

	var was struct{ Phase string }
	user.get(t, "/sessions/"+kept, &was)
	assert.Equal(t, "COMPLETED", was.Phase)
	status, _, err := user.do(t.Context(), "GET", "/sessions/"+forgotten, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, status, "what came after the backup is gone from the node")
	added := user.completed(t)
	drained(t, s)
	for _, id := range []string{kept, forgotten, added} {
		for _, site := range federation.Sites {
			attempts := at(t, site.Name, "alice").history(t, id)
			require.Len(t, attempts, 1, "%s at %s", id, site.Name)
			assert.Equal(t, "COMPLETED", attempts[0].Phase)
		}
	}
	assert.NotEqual(t, server, boss.members(t)[s.Name].Member.Server, "it votes as another server, which has forgotten nothing")
	agree(t, "/accounts")
}

// back starts a node, and waits until all know each other again.
func back(t *testing.T, s *launch.Site) {
	t.Helper()
	require.NoError(t, s.Start(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, federation.Ready(ctx))
}

// empty removes all that is in a directory, which itself is mounted.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
}

func run(t *testing.T, program string, arguments ...string) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", program, arguments, said)
}
