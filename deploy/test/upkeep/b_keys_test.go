//go:build docker

package upkeep

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// certify makes a site a certificate by the binary's own command, and returns it.
func certify(t *testing.T, s *launch.Site, days string) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	said, err := exec.CommandContext(t.Context(), program, "keygen", "node", s.Name, "--ca", filepath.Join(federation.Dir, "federation"), "--out", dir, "--days", days).CombinedOutput()
	require.NoError(t, err, "%s", said)
	files := map[string][]byte{}
	for from, to := range map[string]string{s.Name + ".pem": "node.pem", s.Name + ".key": "node.key"} {
		if files[to], err = os.ReadFile(filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// put puts files in place of a site's, as a whole each, with owner and mode as they were.
func put(t *testing.T, s *launch.Site, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(s.Etc(), name)
		fresh := path + ".new"
		require.NoError(t, os.WriteFile(fresh, text, 0o600))
		if os.Getuid() == 0 {
			require.NoError(t, os.Chown(fresh, 65532, 65532))
		}
		require.NoError(t, os.Rename(fresh, path))
	}
}

// metric is a line of a site's metrics.
func metric(t *testing.T, s *launch.Site, name string) string {
	t.Helper()
	_, text, err := operator(t, s.Name).do(t.Context(), "GET", "/metrics", nil, nil)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// running tells one life of a node from the next.
func running(t *testing.T, s *launch.Site) string {
	t.Helper()
	got, err := s.Node.Inspect(t.Context())
	require.NoError(t, err)
	return got.State.StartedAt
}

func TestACertificateIsExchangedWithoutARestart(t *testing.T) {
	s := federation.Sites[1]
	const expires = `starling_certificate_expires_timestamp_seconds{source="federation"}`
	life, before := running(t, s), metric(t, s, expires)
	put(t, s, certify(t, s, "60"))
	eventually(t, "the new certificate", func() bool { now := metric(t, s, expires); return now != "" && now != before })
	assert.Equal(t, life, running(t, s))
	at(t, s.Name, "alice").completed(t)
	drained(t, s)
}

// The three steps of `starling nodes keys`, each taken when it says that all have the
// last one.
func TestTheGossipKeyIsExchanged(t *testing.T) {
	boss := operator(t, federation.Sites[0].Name)
	old, err := os.ReadFile(filepath.Join(federation.Sites[0].Etc(), "gossip.keys"))
	require.NoError(t, err)
	made := filepath.Join(t.TempDir(), "new.keys")
	said, err := exec.CommandContext(t.Context(), program, "keygen", "gossip", "--out", made).CombinedOutput()
	require.NoError(t, err, "%s", said)
	fresh, err := os.ReadFile(made)
	require.NoError(t, err)
	whose := boss.members(t)
	was := whose[federation.Sites[0].Name].Member.GossipKeys[0]
	step := func(text []byte, what string, holds func(keys []string) bool) {
		t.Helper()
		for _, s := range federation.Sites {
			put(t, s, map[string][]byte{"gossip.keys": text})
		}
		eventually(t, what, func() bool {
			for _, m := range boss.members(t) {
				if m.Member.State != "alive" || !holds(m.Member.GossipKeys) {
					return false
				}
			}
			return true
		})
	}
	line := func(a, b []byte) []byte { return append(append(bytes.TrimSpace(bytes.Clone(a)), '\n'), b...) }
	step(line(old, fresh), "all to have both keys", func(keys []string) bool { return len(keys) == 2 && keys[0] == was })
	step(line(fresh, old), "all to encrypt with the new one", func(keys []string) bool { return len(keys) == 2 && keys[1] == was })
	step(fresh, "all to have forgotten the old one", func(keys []string) bool { return len(keys) == 1 && keys[0] != was })
	assert.Contains(t, boss.starling(t, "nodes", "keys"), "3 of 3 living nodes have it, 3 encrypt with it")
}

func TestARevokedNodeIsOutUntilItHasAnotherCertificate(t *testing.T) {
	boss, s := operator(t, federation.Sites[0].Name), federation.Sites[2]
	assert.Contains(t, boss.starling(t, "nodes", "revoke", s.Name, "--reason", "the machine was stolen"), "is revoked")
	state := func() string { return boss.members(t)[s.Name].Member.State }
	eventually(t, "it to be out", func() bool { return state() == "revoked" })
	at(t, s.Name, "alice").completed(t) // it works on by itself, for its own users
	put(t, s, certify(t, s, "30"))
	eventually(t, "it to be in again", func() bool { return state() == "alive" })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, federation.Ready(ctx))
	drained(t, s)
	assert.Contains(t, boss.starling(t, "nodes", "revoked"), "the machine was stolen")
}
