package login

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

func TestOriginsAreComparedInOneForm(t *testing.T) {
	for node, want := range map[string]string{
		"https://Broker.example.org":           "https://broker.example.org:443",
		"https://broker.example.org:443/x?y#z": "https://broker.example.org:443",
		"http://broker.example.org":            "http://broker.example.org:80",
		"http://[::1]:7733":                    "http://[::1]:7733",
		"http://127.0.0.1:7733/":               "http://127.0.0.1:7733",
		"ftp://a":                              "",
		"broker.example.org":                   "",
		"http://:80":                           "",
	} {
		got, err := Origin(node)
		assert.Equal(t, want, got, node)
		assert.Equal(t, want == "", err != nil, node)
	}
}

func TestALoginIsKeptForItsNodeAlone(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "logins")}
	_, err := s.Find("https://a:443")
	assert.ErrorIs(t, err, ErrNone)
	l := Login{
		Node: "https://a:443", Issuer: "https://i/", Client: "starling", Since: time.Unix(1e9, 0).UTC(), Expires: time.Unix(2e9, 0).UTC(),
		Access: identity.NewSecret("access"), Refresh: identity.NewSecret("refresh"),
	}
	path, err := s.Keep(t.Context(), l)
	require.NoError(t, err)
	got, err := s.Find(l.Node)
	require.NoError(t, err)
	assert.Equal(t, l, got)
	for _, p := range []string{path, strings.TrimSuffix(path, ".json") + ".lock"} {
		info, err := os.Stat(p)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	info, err := os.Stat(s.Dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	// A file that was copied, or whose name fits two nodes, is for the one it names.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.path("https://b:443"), text, 0o600))
	_, err = s.Find("https://b:443")
	assert.ErrorContains(t, err, "is for https://a:443, not for https://b:443")

	for want, content := range map[string]string{
		"can't be read; log in again: starling login": `{"access_token": "hush"`,
		"has version 2, and this program knows 1":     `{"version": 2}`,
		"it holds no token":                           strings.Repeat(" ", maxFile+1),
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err = s.Find(l.Node)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hush")
	}
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = s.Find(l.Node)
	assert.ErrorContains(t, err, "chmod 600 "+path)

	require.NoError(t, s.Forget(t.Context(), l.Node))
	require.NoError(t, s.Forget(t.Context(), l.Node), "again")
	assert.NoFileExists(t, path)
}

// Who waits for the lock of another process can be interrupted.
func TestALockThatIsHeldIsWaitedForUntilTheEnd(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	unlock, err := s.lock(t.Context(), "https://a:443")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPause)
	defer cancel()
	_, err = s.Keep(ctx, Login{Node: "https://a:443"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	_, err = s.Keep(t.Context(), Login{Node: "https://a:443"})
	assert.NoError(t, err)
}

// A token is only looked at: whatever it holds, that harms nobody.
func FuzzPeek(f *testing.F) {
	f.Add("e30.eyJpc3MiOiJodHRwczovL2kiLCJleHAiOjE3MDAwMDAwMDB9.x")
	f.Add("a.e30.c")
	f.Add("")
	f.Add("a.eyJleHAiOjFlNDAwfQ.c")
	f.Fuzz(func(t *testing.T, token string) {
		issuer, expires := Peek(token)
		assert.LessOrEqual(t, len([]rune(issuer)), 200)
		assert.LessOrEqual(t, expires.Year(), 9999)
		assert.NotContains(t, issuer, "\x1b")
	})
}
