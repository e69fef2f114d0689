package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/cmd/starling/site"
	"starling/federation/identity"
	"starling/node/config"
)

// aNode is a node in this process, with all that it logs.
type aNode struct {
	t    *testing.T
	url  string
	dir  string
	log  *syncBuffer
	http *http.Client
	seen bytes.Buffer // what it has answered, headers included
	stop func()
}

func newNode(t *testing.T) *aNode {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := config.Default(true)
	c.Name, c.HTTP, c.Data, c.Executors = "a", free.Addr().String(), filepath.Join(t.TempDir(), "data"), nil
	c.URL = "http://" + c.HTTP
	c.Capacity = config.Capacity{Cores: 8, Memory: 8, Storage: 8}
	require.NoError(t, free.Close())
	n := &aNode{t: t, url: c.URL, dir: c.Data, log: new(syncBuffer), http: &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- site.Run(ctx, site.Options{Config: c, Log: slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	}()
	n.stop = func() {
		n.http.CloseIdleConnections()
		cancel()
		require.NoError(t, <-ended, n.log.String())
	}
	require.Eventually(t, func() bool { return n.do("GET", "/readyz", "").StatusCode == http.StatusOK }, 30*time.Second, 5*time.Millisecond, n.log)
	return n
}

// do asks the node, and remembers all that it answers but for the secrets that
// are for who asks.
func (n *aNode) do(method, path, body string, header ...string) *http.Response {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, strings.NewReader(body))
	require.NoError(n.t, err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := n.http.Do(r)
	if err != nil { // not there yet
		return &http.Response{}
	}
	text, err := io.ReadAll(resp.Body)
	require.NoError(n.t, err)
	require.NoError(n.t, resp.Body.Close())
	resp.Body = io.NopCloser(bytes.NewReader(text))
	n.seen.Write(text)
	return resp
}

// opened has a session run at an executor, with a connector to a program.
func (n *aNode) opened(user, robot, program string) (session string) {
	lab := &despatch.Client{Base: n.url, Token: robot, HTTP: n.http}
	registered, err := lab.Register(n.t.Context(), despatch.Registration{
		Name: "lab", Kinds: []string{ivoa.KindDockerContainer}, Capacity: despatch.Capacity{Cores: 8, Memory: 8, Storage: 8}, Origins: []string{"127.0.0.0/8"},
	})
	require.NoError(n.t, err)
	resp := n.do("POST", "/direct", `{"executable":{"kind":"`+ivoa.KindDockerContainer+`","image":{"locations":["ghcr.io/example/lab:1"]}}}`, "Authorization", "Bearer "+user)
	require.Equal(n.t, http.StatusSeeOther, resp.StatusCode, n.seen.String())
	job, _, err := lab.Despatch(n.t.Context(), registered.UUID, 20*time.Second)
	require.NoError(n.t, err)
	require.NotNil(n.t, job)
	_, err = lab.Update(n.t.Context(), job.HistoryRef, despatch.Updates{Fence: job.Fence, Updates: []despatch.Update{{
		Key: "1", Type: despatch.ConnectorOpened, Time: time.Now(),
		Connector: &despatch.Connector{Name: "lab", Protocol: despatch.ProtocolHTTP, Origin: program},
	}}}, 0)
	require.NoError(n.t, err)
	return job.Session.UUID
}

// Whatever opens something is shown to the one whom it is for, and to nobody
// else: in no log, error, metric, document or file of the node.
func TestPromise8SecretsAreShownNowhere(t *testing.T) {
	n := newNode(t)
	issuer, err := auth.LoadIssuer(n.dir)
	require.NoError(t, err)
	token := func(user string, role identity.Role) string {
		text, err := issuer.Issue(auth.Grant{User: user, Roles: []identity.Role{role}}, time.Now(), time.Hour)
		require.NoError(t, err)
		return text
	}
	alice, robot := token("alice", identity.RoleUser), token("robot", identity.RoleExecutor)
	stale, err := issuer.Issue(auth.Grant{User: "alice"}, time.Now().Add(-2*time.Hour), time.Hour)
	require.NoError(t, err)
	var toProgram []http.Header
	program := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { toProgram = append(toProgram, r.Header) }))
	defer program.Close()
	session := n.opened(alice, robot, program.URL)

	// A link, and the grant that it gives.
	resp := n.do("POST", "/sessions/"+session+"/links/lab", "", "Authorization", "Bearer "+alice)
	var link struct{ URL string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&link))
	n.seen.Reset() // it was for alice
	_, path, _ := strings.Cut(strings.TrimPrefix(link.URL, "http://"), "/")
	resp = n.do("GET", "/"+path, "")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	grant := resp.Cookies()[0]
	secrets := map[string]string{
		"a token": alice, "an executor's token": robot, "a bad token": stale, "a grant": grant.Value, "a link": path[strings.LastIndexByte(path, '/')+1:],
		"a password": "hunter2", "a query": "hunter3", "a cookie": "hunter4",
	}
	n.do("GET", "/"+path, "") // it has been used
	n.seen.Reset()            // which is told to who has it
	require.Equal(t, http.StatusOK, n.do("GET", "/sessions/"+session+"/connect/lab/", "", "Cookie", grant.Name+"="+grant.Value).StatusCode)
	n.do("GET", "/sessions/"+session+"/connect/lab/?sig=hunter3", "", "Authorization", "Bearer "+alice)

	// What isn't in order is told of without it.
	n.do("GET", "/sessions", "", "Authorization", "Bearer "+stale)
	n.do("GET", "/sessions", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:hunter2")))
	n.do("GET", "/sessions?access_token=hunter3", "", "Authorization", "Bearer "+alice)
	n.do("GET", "/sessions", "", "Authorization", "Bearer "+alice, "Cookie", "session=hunter4")
	n.do("GET", "/sessions/"+session+"/connect/lab/", "", "Cookie", grant.Name+"=hunter4")
	n.do("GET", "/sessions/"+session+"/links/lab/hunter2-hunter2", "")
	n.seen.Reset() // its path is what it asked for
	n.do("GET", "/metrics", "")
	n.do("GET", "/sessions/"+session, "", "Authorization", "Bearer "+alice)
	n.do("GET", "/history", "", "Authorization", "Bearer "+alice)
	n.do("GET", "/executors", "", "Authorization", "Bearer "+alice)
	n.do("GET", "/sessions/"+session+"/events", "", "Authorization", "Bearer "+alice, "Accept", "application/json")
	n.stop()

	shown := map[string]string{"the log": n.log.String(), "answers": n.seen.String()}
	require.NotEmpty(t, toProgram)
	for _, header := range toProgram {
		shown["headers to a program"] += fmt.Sprintln(header)
	}
	for _, command := range [][]string{{"sessions"}, {"session", session}, {"history"}, {"audit"}, {"record"}} {
		got := starling(t, "", append(append([]string{"debug"}, command...), "--data", n.dir, "-o", "json")...)
		shown["debug "+command[0]] = got.out + got.err
	}
	require.NoError(t, filepath.WalkDir(n.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		shown["file "+entry.Name()] = string(text)
		return err
	}))
	assert.Contains(t, shown["debug session"], session)
	assert.True(t, strings.Contains(shown["file "+filepath.Base(site.SessionsPath(""))], "alice"), "what is stored is looked at")
	assert.Contains(t, shown["the log"], "route=/sessions/:uuid/links/:connector/:secret")
	for where, text := range shown {
		for what, secret := range secrets {
			assert.False(t, strings.Contains(text, secret), "%s is in %s", what, where)
		}
	}
}
