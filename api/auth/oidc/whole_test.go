package oidc_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/api/auth/issuer"
	"starling/api/auth/oidc"
	"starling/federation/certificate/certificatetest"
	"starling/federation/identity"
	"starling/federation/outbound"
	"starling/node/config"
)

const broker = "https://broker.example.org"

// clock stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is an issuer behind real TLS, of an authority of its own, and a node that
// trusts it.
type world struct {
	*testing.T
	*clock
	issuer *issuer.Directory
	server *httptest.Server
	bearer auth.Bearer
}

func newWorld(t *testing.T, algorithm issuer.Algorithm) *world {
	t.Helper()
	w := &world{T: t, clock: &clock{now: time.Now()}}
	certificate, key := certificatetest.Server(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(certificate, key)
	require.NoError(t, err)
	var serves *issuer.Server
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) { serves.ServeHTTP(to, r) }))
	w.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	dir := t.TempDir()
	serves, err = issuer.New(issuer.Options{
		Dir: dir, Identity: issuer.Identity{URL: w.server.URL}, Algorithm: algorithm, Now: w.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, serves.Close()) })
	w.issuer, err = issuer.OpenDirectory(dir, w.Now)
	require.NoError(t, err)

	roots := x509.NewCertPool()
	pem, err := os.ReadFile(certificate)
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(pem))
	provider, err := oidc.Open(oidc.Options{
		Issuer: w.server.URL, Client: outbound.New(outbound.Options{RootCAs: roots, AllowPrivate: true, HTTPS: true}),
		Logger: slog.New(slog.DiscardHandler), Now: w.Now,
	})
	require.NoError(t, err)
	t.Cleanup(provider.Close)
	w.bearer = auth.Bearer{
		Verifier: auth.NewVerifier(w.Now, 30*time.Second, auth.Trusted{Name: w.server.URL, Audiences: []string{broker}, Keys: provider}),
		Mapping: auth.NewMapping(auth.MappingOptions{Rules: config.Auth{
			Issuers: []config.Issuer{{URL: w.server.URL, Prefix: "ska:"}},
			Roles:   []config.RoleRule{{Role: "user", Group: "ska"}, {Role: "operator", Group: "/srcnet/operators"}},
		}}),
	}
	return w
}

func (w *world) token(user string, audience string, groups ...string) string {
	w.Helper()
	token, err := w.issuer.Issue(issuer.Grant{User: user, Groups: groups, Audience: []string{audience}, Client: "starling"}, time.Hour)
	require.NoError(w, err)
	return token
}

func (w *world) show(token string) (identity.Caller, error) {
	r := httptest.NewRequestWithContext(w.Context(), http.MethodGet, "/sessions", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return w.bearer.Authenticate(r)
}

// A whole issuer, over TLS: who somebody is there, and what comes of it here.
func TestAUserOfAnIssuerIsACallerOfTheNode(t *testing.T) {
	for _, algorithm := range issuer.Algorithms() {
		w := newWorld(t, algorithm)
		caller, err := w.show(w.token("olga", broker, "ska", "srcnet/operators"))
		require.NoError(t, err, algorithm)
		assert.Equal(t, "ska:olga", caller.User)
		assert.Equal(t, []identity.Role{identity.RoleUser, identity.RoleOperator}, caller.Roles)
		_, err = w.show(w.token("mallory", broker, "lofar"))
		assert.ErrorIs(t, err, auth.ErrNoRole)
		_, err = w.show(w.token("alice", "https://storm.example.org", "ska"))
		assert.ErrorIs(t, err, auth.ErrBadToken, "stolen from another service")
	}
}

func TestTokensExpireAndKeysAreTurnedAndWithdrawn(t *testing.T) {
	w := newWorld(t, issuer.ES256)
	old := w.token("alice", broker, "ska")
	_, err := w.show(old)
	require.NoError(t, err)

	require.NoError(t, w.issuer.Rotate(issuer.EdDSA, 0))
	fresh := w.token("alice", broker, "ska")
	_, err = w.show(fresh)
	assert.ErrorIs(t, err, auth.ErrBadToken, "the issuer was asked just now")
	w.advance(31 * time.Second)
	_, err = w.show(fresh)
	assert.NoError(t, err, "a new key is fetched when a token names it")
	_, err = w.show(old)
	assert.NoError(t, err, "what the last key signed is good until it is over")

	keys, err := w.issuer.Keys()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.NoError(t, w.issuer.Withdraw(keys[1].ID)) // the old one was stolen
	require.NoError(t, w.issuer.Rotate(issuer.RS256, 0))
	w.advance(31 * time.Second)
	newest := w.token("alice", broker, "ska")
	_, err = w.show(newest)
	require.NoError(t, err)
	_, err = w.show(old)
	assert.ErrorIs(t, err, auth.ErrBadToken)
	assert.ErrorContains(t, err, "not among those that its issuer publishes")

	w.server.CloseClientConnections()
	w.server.Close()
	w.advance(30 * time.Minute)
	_, err = w.show(newest)
	assert.NoError(t, err, "the issuer is down")
	w.advance(time.Hour)
	_, err = w.show(newest)
	assert.ErrorContains(t, err, "it has expired")
}
