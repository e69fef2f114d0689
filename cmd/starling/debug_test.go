package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/cmd/starling/site"
	"starling/federation/identity"
	"starling/node/store"
)

// stored makes a data directory with two sessions, and leaves it open.
func stored(t *testing.T) (dir string, s *store.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := store.Open(store.Options{Path: site.SessionsPath(dir)})
	require.NoError(t, err)
	mint := identity.NewMint("dev", 0)
	for _, phase := range []ivoa.SessionPhase{ivoa.SessionRunning, ivoa.SessionCompleted} {
		session := &store.Session{
			ID: mint.New(noon.UnixMilli()), Phase: phase, Modified: noon.UnixMilli(),
			Owners: accounting.Owners{User: accounting.Party{ID: "alice"}},
		}
		session.Attempt.Ended = true
		require.NoError(t, s.Submit(func(tx *store.Tx) error { return tx.PutSession(session) }, nil).Wait())
	}
	return dir, s
}

func TestDebugReadsTheSessionsOfANodeThatIsDown(t *testing.T) {
	dir, s := stored(t)
	got := starling(t, "", "debug", "sessions", "--data", dir)
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "starling: a node has "+site.SessionsPath(dir)+" open; ask that node, or stop it first\n", got.err)
	require.NoError(t, s.Close())

	got = starling(t, "", "debug", "sessions", "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Regexp(t, `(?s)^UUID .*COMPLETED +12:00:00  alice\n.*RUNNING +12:00:00  alice\n$`, got.out)

	got = starling(t, "", "debug", "sessions", "--live", "--data", dir)
	assert.NotContains(t, got.out, "COMPLETED")

	id := identity.NewMint("dev", 0).New(noon.UnixMilli())
	got = starling(t, "", "debug", "session", id.String(), "--data", dir)
	require.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, `"phase": "RUNNING"`)

	got = starling(t, "", "debug", "session", nextID, "--data", dir)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "there is no session "+nextID)
}

func TestDebugOfAnEmptyDirectoryMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	for _, command := range []string{"sessions", "history", "audit"} {
		got := starling(t, "", "debug", command, "--data", dir)
		assert.Equal(t, 1, got.status)
		assert.Contains(t, got.err, "starling: "+dir+" is no node's data directory: there is no "+dir)
	}
	assert.NoDirExists(t, dir)
}
