package systemtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clientsOf are flags that let an issuer know clients, each by a secret of its own.
func clientsOf(t *testing.T, clients ...string) (flags []string) {
	t.Helper()
	dir := t.TempDir()
	for _, client := range clients {
		path := filepath.Join(dir, client)
		require.NoError(t, os.WriteFile(path, []byte(secretOf(client)), 0o600))
		flags = append(flags, "--client", client+":"+path)
	}
	return flags
}

func secretOf(client string) string {
	return "the secret of " + client + ", long enough to be taken for one"
}

// tokenFor is a user's for a node, as she would have after logging in.
func (i *issuer) tokenFor(n *Node, user, scope string) string {
	i.t.Helper()
	got := command(i.t, nil, "", "token", "--user", user, "--issuer", i.data, "--audience", n.URL, "--scope", scope, "--for", "1h")
	require.Zero(i.t, got.status, got.err)
	return strings.TrimSpace(got.out)
}

// storm is a storage that asks the issuer what a token is good for.
type storm struct {
	*httptest.Server
	t      *testing.T
	issuer *issuer

	mu     sync.Mutex
	tokens []string // that were shown
	others []string // what came without one
}

func newStorm(t *testing.T, i *issuer) *storm {
	s := &storm{t: t, issuer: i}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if !shown {
		s.others = append(s.others, r.URL.Path)
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	s.tokens = append(s.tokens, token)
	said := s.ask(token)
	if !said.Active || said.Scope != "storage.read:"+r.URL.Path && said.Scope != "offline_access storage.read:"+r.URL.Path || len(said.Aud) != 1 || said.Aud[0] != "storm" {
		http.Error(w, fmt.Sprintf("not for %s: %+v", r.URL.Path, said), http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "%s of %s", r.URL.Path, said.Sub)
}

type introspection struct {
	Active     bool
	Sub, Scope string
	Aud        []string
}

// ask is token introspection (RFC 7662).
func (s *storm) ask(token string) (said introspection) {
	r, err := http.NewRequest(http.MethodPost, s.issuer.url+"/introspect", strings.NewReader(url.Values{"token": {token}}.Encode()))
	if !assert.NoError(s.t, err) {
		return said
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("storm", url.QueryEscape(secretOf("storm")))
	resp, err := s.issuer.client().Do(r)
	if !assert.NoError(s.t, err) {
		return said
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	assert.NoError(s.t, err)
	assert.NoError(s.t, json.Unmarshal(text, &said), "%s", text)
	return said
}

// seen are the tokens that were shown to the storage.
func (s *storm) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.tokens...)
}

// Promise 8, with a real issuer: a session reads its user's data with a token that is
// good for nothing else, and that is nowhere to be seen: not by her program, not in
// the log, the data directory or an answer.
func TestPromise8AUsersDataAreReadWithATokenForThemAlone(t *testing.T) {
	t.Parallel()
	i := issue(t, clientsOf(t, "node", "storm")...)
	s := newStorm(t, i)
	n := newNode(t, filepath.Join(t.TempDir(), "data"))
	secret := n.Data + ".secret"
	require.NoError(t, os.WriteFile(secret, []byte(secretOf("node")), 0o600))
	require.NoError(t, os.WriteFile(n.Data+".yaml", []byte(fmt.Sprintf(`%s
auth:
  issuers: [{url: %q, ca: %q, exchange: {clientID: node, secretFile: %q}}]
  roles: [{role: user, user: "*"}]
dataTokens:
  - {url: %q, issuer: %q, audience: storm, scope: "storage.read:{path}"}
`, prices, i.url, i.authority, secret, s.URL, i.url)), 0o600))
	n.Start()
	tokens := map[string]string{
		"renewed": i.tokenFor(n, "alice", "openid,offline_access,storage.read:/"), // can be renewed
		"lasting": i.tokenFor(n, "alice", "storage.read:/ska"),
		"lesser":  i.tokenFor(n, "alice", "storage.read:/elsewhere"),
	}
	const look = `cat input/a.fits > copy; (env; cat ../*.json ../../*.json ../../../*.key) > seen 2>&1 || true`
	job := work{command: sh(look), data: s.URL + "/ska/a.fits"}
	for _, kind := range []string{"renewed", "lasting"} {
		alice := as(tokens[kind])
		id := n.accept(job, alice)
		n.ranOnce(id, "COMPLETED")
		assert.Equal(t, "/ska/a.fits of alice", n.file(id, "copy"), kind)
		shown := s.seen()
		require.NotEmpty(t, shown)
		last := shown[len(shown)-1]
		assert.NotEqual(t, tokens[kind], last, "the user's own token goes to nobody")
		answers := n.file(id, "seen")
		for _, path := range []string{"/sessions/" + id, "/history", "/sessions/" + id + "/stdout", "/executors"} {
			answers += string(n.do("GET", path, nil).Body)
		}
		assert.NotContains(t, answers, last)
		assert.NotContains(t, answers, tokens[kind])
	}
	assert.Empty(t, s.others)

	refused := n.ask(job, as(tokens["lesser"]))
	a := n.setPhase(refused.Offers[0].Meta.UUID, "ACCEPTED", as(tokens["lesser"]))
	assert.Equal(t, http.StatusConflict, a.Status)
	assert.Contains(t, string(a.Body), "you may not have the scope")
	no := n.do("POST", "/requests", job.request())
	assert.Contains(t, string(no.Body), `"result":"NO"`, "user dev has no token")
	assert.Contains(t, string(no.Body), "need a token; you sent none")

	// While the issuer is away an offer stands, and nothing is promised.
	waiting := n.ask(job, as(tokens["renewed"]))
	id := waiting.Offers[0].Meta.UUID
	assert.NoError(t, i.Stop(patience))
	a = n.setPhase(id, "ACCEPTED", as(tokens["renewed"]))
	assert.Equal(t, http.StatusServiceUnavailable, a.Status, "%s", a.Body)

	assert.Equal(t, 0, n.Stop())
	secrets := append(s.seen(), tokens["renewed"], tokens["lasting"], secretOf("node"))
	require.NoError(t, filepath.WalkDir(n.Data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			assert.False(t, strings.Contains(string(text), secret), "a secret is in %s", path)
		}
		return err
	}))
	for _, secret := range secrets {
		assert.False(t, strings.Contains(n.Said(), secret), "a secret is in the log")
	}
	info, err := os.Stat(filepath.Join(n.Data, "credentials.key"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
