package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/issuer"
	"starling/cmd/starling/internal/login"
)

// portal is an issuer and a node that believes it, both with certificates of a
// CA that is in a file, and a user's world in which time is hers.
type portal struct {
	*app
	t         *testing.T
	out, errs *syncBuffer
	issuer    *httptest.Server
	node      *httptest.Server
	other     *httptest.Server // another node, that nobody has logged in for
	env       map[string]string

	mu      sync.Mutex
	clock   time.Time
	sent    map[string]string // the last Authorization, by host
	refuses string            // what the node says of every token
}

func newPortal(t *testing.T) *portal {
	p := &portal{t: t, clock: time.Now().Truncate(time.Second), env: map[string]string{}, sent: map[string]string{}}
	var serves *issuer.Server
	p.issuer = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serves.ServeHTTP(w, r) }))
	t.Cleanup(p.issuer.Close)
	var err error
	serves, err = issuer.New(issuer.Options{Dir: t.TempDir(), Identity: issuer.Identity{URL: p.issuer.URL}, Now: p.time})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, serves.Close()) })
	p.node = httptest.NewTLSServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.node.Close)
	p.other = httptest.NewTLSServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.other.Close)
	p.app, p.out, p.errs = testApp(t, "")
	p.env["STARLING_CA"] = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(p.env["STARLING_CA"],
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.node.Certificate().Raw}), 0o600))
	p.env["STARLING_NODE"] = p.node.URL
	p.getenv = func(name string) string { return p.env[name] }
	p.now, p.sleep = p.time, sleep
	t.Cleanup(p.close)
	return p
}

func (p *portal) time() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock
}

func (p *portal) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock = p.clock.Add(d)
}

// serve is the nodes.
func (p *portal) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path == "/.well-known/oauth-protected-resource" {
		_ = json.NewEncoder(w).Encode(login.Resource{
			URL: "https://" + r.Host, Offers: []login.Offer{{Issuer: p.issuer.URL, Client: issuer.PublicClient, Scopes: []string{"offline_access"}}},
		})
		return
	}
	p.sent[r.Host] = r.Header.Get("Authorization")
	switch {
	case p.sent[r.Host] == "":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"title": "Unauthorized", "detail": "a bearer token is needed"}`))
	case p.refuses != "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="starling", error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"title": "Unauthorized", "detail": %q}`, p.refuses)
	default:
		_, _ = w.Write([]byte(`{"service": "s", "node": "jodrell", "user": "ska:alice", "roles": ["user"], "groups": ["ska/pulsars"], "proposals": ["P-7"]}`))
	}
}

// lastSent is the token that a node got last.
func (p *portal) lastSent(to *httptest.Server) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent[strings.TrimPrefix(to.URL, "https://")]
}

// run runs one command line of the user's, in a process of its own as it were.
func (p *portal) run(args ...string) result {
	p.t.Helper()
	p.app.close()
	world := *p.app
	world.client, world.issuer = nil, nil
	out, errs := &syncBuffer{}, &syncBuffer{}
	world.out, world.err = out, errs
	status := execute(p.t.Context(), &world, args)
	return result{status, out.String(), errs.String()}
}

var shownCode = regexp.MustCompile(`enter  ([B-Z]{4}-[B-Z]{4})\n`)

// login runs `starling login`; the user answers as soon as she sees the code.
func (p *portal) login(answer string, args ...string) result {
	p.t.Helper()
	world := *p.app
	out, errs := &syncBuffer{}, &syncBuffer{}
	world.out, world.err = out, errs
	answered := false
	world.sleep = func(_ context.Context, d time.Duration) error {
		p.advance(d)
		if answered || answer == "" {
			return nil
		}
		answered = true
		client := p.issuer.Client()
		defer client.CloseIdleConnections()
		code := shownCode.FindStringSubmatch(errs.String())
		require.NotNil(p.t, code, errs.String())
		resp, err := client.PostForm(p.issuer.URL+"/device",
			url.Values{"user_code": {code[1]}, "user": {"alice"}, "groups": {"ska/pulsars"}, "answer": {answer}})
		require.NoError(p.t, err)
		return resp.Body.Close()
	}
	status := execute(p.t.Context(), &world, append([]string{"login"}, args...))
	return result{status, out.String(), errs.String()}
}

func TestLoginSaysWhereToGoAndWhoOneIs(t *testing.T) {
	p := newPortal(t)
	got := p.login("yes")
	require.Equal(t, 0, got.status, got.err)
	assert.Empty(t, got.out)
	code := shownCode.FindStringSubmatch(got.err)[1]
	until := p.time().Add(10*time.Minute - 5*time.Second).UTC().Format(time.TimeOnly)
	assert.Equal(t, "open   "+p.issuer.URL+"/device\nenter  "+code+"\nor     "+p.issuer.URL+"/device?user_code="+code+
		"\nand say yes; the code is good until "+until+" (in 10m)\nlogged in as ska:alice at jodrell\n", utc(got.err, until))
	claims := claimsOf(t, p.lastSent(p.node))
	assert.Equal(t, "alice", claims["sub"])
	assert.Equal(t, p.node.URL, claims["aud"], "it is for this node")

	got = p.run("whoami")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, "user      ska:alice\nnode      jodrell "+p.node.URL+"\nroles     user\ngroups    ska/pulsars\nmay use   P-7\nissuer    "+p.issuer.URL+"\ntoken     refreshed by itself; this one ends ")
	got = p.run("whoami", "-o", "json")
	assert.Contains(t, got.out, `"refreshed": true`)
	assert.NotContains(t, got.out, "ey")

	// It is refreshed by itself, and over once it is over.
	first := p.lastSent(p.node)
	p.advance(2 * time.Hour)
	assert.Equal(t, 0, p.run("whoami").status)
	assert.NotEqual(t, first, p.lastSent(p.node))
	got = p.run("logout")
	assert.Equal(t, 0, got.status)
	assert.Regexp(t, `^the login for https://127.0.0.1:\d+ is forgotten, and over at https://127.0.0.1:\d+\nnodes may take its token until `, got.err)
	got = p.run("whoami")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "log in with `starling login`")
	assert.Contains(t, p.run("logout").err, "there is no login for")
}

// utc says the time of day in an answer in UTC, whatever zone the test runs in.
func utc(text, until string) string {
	return regexp.MustCompile(`until \S+ \(`).ReplaceAllString(text, "until "+until+" (")
}

func claimsOf(t *testing.T, authorization string) map[string]any {
	t.Helper()
	claims := map[string]any{}
	parts := strings.Split(authorization, ".")
	require.Len(t, parts, 3, authorization)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &claims))
	return claims
}

// A token goes to the node that it is for, and to no other.
func TestPromise8ATokenGoesToTheNodeThatItIsForAlone(t *testing.T) {
	p := newPortal(t)
	dir, err := p.configDir()
	require.NoError(t, err)
	file := filepath.Join(dir, "starling", "token")
	keep := func(path, token string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(token+"\n"), 0o600))
	}
	sentTo := func(node *httptest.Server, args ...string) string {
		p.run(append(args, "whoami", "--node", node.URL)...)
		return strings.TrimPrefix(p.lastSent(node), "Bearer ")
	}

	keep(file, "of-the-file")
	assert.Equal(t, "of-the-file", sentTo(p.node), "the node that is asked without --node")
	assert.Empty(t, sentTo(p.other))

	require.Equal(t, 0, p.login("yes").status)
	assert.True(t, strings.HasPrefix(sentTo(p.node), "ey"), "a login comes first")
	assert.Empty(t, sentTo(p.other))
	p.env["STARLING_NODE"] = p.other.URL
	assert.True(t, strings.HasPrefix(sentTo(p.node), "ey"), "a login is for its node, whichever is usual")
	assert.Equal(t, "of-the-file", sentTo(p.other))

	p.env["STARLING_TOKEN"] = "of-the-environment"
	assert.Equal(t, "of-the-environment", sentTo(p.other))
	assert.True(t, strings.HasPrefix(sentTo(p.node), "ey"), "the environment's token is for the environment's node")
	delete(p.env, "STARLING_NODE")
	assert.Equal(t, "of-the-environment", sentTo(p.node), "which it doesn't name")

	explicit := filepath.Join(dir, "mine")
	keep(explicit, "explicit")
	assert.Equal(t, "explicit", sentTo(p.other, "--token-file", explicit))
	assert.Equal(t, "on-the-line", sentTo(p.other, "--token", "on-the-line"))
	delete(p.env, "STARLING_TOKEN")

	// Over http the same host is another origin.
	u, err := url.Parse(p.node.URL)
	require.NoError(t, err)
	got := p.run("whoami", "--node", "http://"+u.Host)
	assert.NotContains(t, got.err, "ey")
	origin, err := login.Origin("http://" + u.Host)
	require.NoError(t, err)
	store, err := p.logins()
	require.NoError(t, err)
	_, err = store.Find(origin)
	assert.ErrorIs(t, err, login.ErrNone)
}

func TestWhatGoesWrongWithALogin(t *testing.T) {
	p := newPortal(t)
	got := p.login("no")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the login was refused on the issuer's page")
	got = p.login("")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the code has expired before anybody confirmed it")

	got = p.run("login", "--node", "http://broker.example.org")
	assert.Equal(t, 2, got.status)
	assert.Contains(t, got.err, "--node: http://broker.example.org is not https: what is sent there could be read on the way")
	got = p.run("login", "--issuer", "https://iam.example.org/")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the node doesn't believe the issuer https://iam.example.org/, but "+p.issuer.URL)
	bare := newFakeNode(t)
	got = p.run("login", "--node", bare.URL)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the node names no issuer to log in at")
	got = p.run("login", "--client", "nobody")
	assert.Contains(t, got.err, "refuses: invalid_client")

	// The node doesn't take what the issuer gives.
	p.refuses = "the token is not valid: it was issued in the future; compare the clocks"
	got = p.login("yes")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the issuer has let you in, but the node has not taken its token\n  the token is not valid: it was issued in the future; compare the clocks — log in again: `starling login`")
	p.issuer.Close()
	got = p.run("login")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "no answer from the issuer "+p.issuer.URL)
	got = p.run("logout")
	assert.Equal(t, 0, got.status)
	assert.Contains(t, got.err, "is forgotten here, but the issuer has not been told: no answer")
}

// Ctrl-C while the user is away from the page ends it, and keeps nothing.
func TestALoginCanBeInterrupted(t *testing.T) {
	p := newPortal(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	world := *p.app
	errs := &syncBuffer{}
	world.out, world.err = &syncBuffer{}, errs
	world.sleep = func(ctx context.Context, d time.Duration) error {
		cancel()
		return sleep(ctx, d)
	}
	assert.Equal(t, exitInterrupted, execute(ctx, &world, []string{"login"}))
	assert.NotContains(t, errs.String(), "starling:")
	store, err := p.logins()
	require.NoError(t, err)
	files, _ := filepath.Glob(store.Dir + "/*.json")
	assert.Empty(t, files)
}
