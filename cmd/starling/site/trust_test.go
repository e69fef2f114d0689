package site

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/node/config"
)

// journal keeps what is logged, by any goroutine.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// trusting opens what a node with the configuration trusts, and returns what it
// logs.
func trusting(t *testing.T, c config.Config) (trust, *journal, error) {
	t.Helper()
	var stops stack
	log := new(journal)
	known, err := openTrust(Options{Config: c, Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now}, prometheus.NewRegistry(), &stops)
	t.Cleanup(func() { assert.NoError(t, stops.unwind()) })
	return known, log, err
}

// Promise 8: whoever can read the data directory speaks for anybody, but not
// unless the node's operator has said so, and not quietly.
func TestPromise8TheNodesOwnKeyCountsInDevelopmentOrIfAskedFor(t *testing.T) {
	data := t.TempDir()
	issuer, err := auth.LoadIssuer(data)
	require.NoError(t, err)
	token, err := issuer.Issue(auth.Grant{User: "mallory", Roles: auth.EveryRole()}, time.Now(), time.Hour)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		dev, own, good, warned bool
	}{
		"in earnest":             {false, false, false, false},
		"in earnest, if said so": {false, true, true, true},
		"in development":         {true, false, true, false},
	} {
		known, log, err := trusting(t, config.Config{Data: data, Dev: tt.dev, Auth: config.Auth{OwnKey: tt.own}})
		require.NoError(t, err)
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		caller, err := known.bearer.Authenticate(r)
		if tt.good {
			assert.NoError(t, err, name)
			assert.Equal(t, "mallory", caller.User)
		} else {
			assert.ErrorIs(t, err, auth.ErrBadToken, name)
		}
		assert.Equal(t, tt.warned, bytes.Contains([]byte(log.String()), []byte("auth.ownKey is set: whoever can read the data directory can be any user")), name)
		r.Header.Del("Authorization")
		_, err = known.bearer.Authenticate(r)
		assert.Equal(t, tt.dev, err == nil, name)
	}
}

func TestANodeStartsWithoutItsIssuer(t *testing.T) {
	socket := httptest.NewServer(nil)
	socket.Close() // nobody is there any more
	known, _, err := trusting(t, config.Config{Dev: true, Data: t.TempDir(), Auth: config.Auth{Issuers: []config.Issuer{{
		URL: socket.URL, Login: config.Login{ClientID: "starling", Scopes: []string{"openid"}},
	}}}})
	require.NoError(t, err)
	require.Len(t, known.issuers, 1)
	assert.Equal(t, "starling", known.issuers[0].ClientID)
	require.Eventually(t, func() bool { return len(known.troubles()) == 1 }, 20*time.Second, 5*time.Millisecond)
	assert.Contains(t, known.troubles()[0], "has not answered yet")
}

func TestAnIssuersAuthorityIsReadBeforeTheNodeStarts(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for path, want := range map[string]string{
		filepath.Join(dir, "none.pem"): "read the authority of issuer https://iam.example.org (auth.issuers, ca): open ",
		empty:                          "read the authority of issuer https://iam.example.org (auth.issuers, ca): " + empty + " holds no certificate in PEM",
	} {
		_, _, err := trusting(t, config.Config{Data: dir, Auth: config.Auth{Issuers: []config.Issuer{{URL: "https://iam.example.org", CA: path}}}})
		require.Error(t, err)
		assert.Contains(t, err.Error(), want)
	}
}
