package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/identity"
	"starling/federation/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is an authenticator that takes a bearer token for the user's name.
type names struct{ dev bool }

var errNobody = errors.New("who are you?")

func (n names) Authenticate(r *http.Request) (identity.Caller, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case name == "" && n.dev:
		return identity.Caller{User: "dev", Roles: []identity.Role{identity.RoleUser, identity.RoleOperator}}, nil
	case !ok || name == "bad":
		return identity.Caller{}, errNobody
	case name == "impostor":
		return identity.Caller{User: name, Roles: []identity.Role{identity.RoleBuiltIn}}, nil
	}
	return identity.Caller{User: name, Roles: []identity.Role{identity.RoleUser}}, nil
}

// world is a server before a fake broker.
type world struct {
	testing.TB
	broker *fake
	server *Server
	log    *bytes.Buffer
}

var quiet = slog.New(slog.DiscardHandler)

const testBase = "https://broker.example"

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{TB: t, broker: &fake{}, log: new(bytes.Buffer)}
	o := Options{
		Broker: w.broker, Authenticator: names{}, BaseURL: testBase, Node: "kth", Version: "test",
		Logger: slog.New(tracing.Handler(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}
	for _, c := range change {
		c(&o)
	}
	server, err := New(o)
	require.NoError(t, err)
	w.server = server
	return w
}

// call is one request to be made; the zero values are the usual ones.
type call struct {
	method, path, body string
	header             map[string]string
	host               string
	from               string
	stranger           bool // without a token
}

func (c call) request() *http.Request {
	method := c.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, c.path, strings.NewReader(c.body))
	if !c.stranger {
		r.Header.Set("Authorization", "Bearer alice")
	}
	if c.host != "" {
		r.Host = c.host
	}
	if c.from != "" {
		r.RemoteAddr = c.from
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return r
}

func (w *world) do(c call) *http.Response {
	w.Helper()
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, c.request())
	return recorder.Result()
}

func (w *world) get(path string) *http.Response { return w.do(call{path: path}) }

func (w *world) post(path, body string) *http.Response {
	return w.do(call{method: http.MethodPost, path: path, body: body})
}

// on is a path with the sample session's id.
func on(suffix string) string { return "/sessions/" + sessionID.String() + suffix }

func text(t testing.TB, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	return string(body)
}

// object reads a JSON answer.
func object(t testing.TB, resp *http.Response) map[string]any {
	t.Helper()
	var value map[string]any
	body := text(t, resp)
	require.NoError(t, json.Unmarshal([]byte(body), &value), body)
	return value
}

// wantProblem checks that an answer is a whole problem of this status.
func wantProblem(t testing.TB, resp *http.Response, status int) map[string]any {
	t.Helper()
	require.Equal(t, status, resp.StatusCode)
	require.Equal(t, problemType, resp.Header.Get("Content-Type"))
	p := object(t, resp)
	assert.EqualValues(t, status, p["status"])
	assert.Equal(t, http.StatusText(status), p["title"])
	assert.Contains(t, p["type"], problemPrefix)
	assert.NotEmpty(t, p["detail"])
	assert.NotEmpty(t, p["instance"])
	assert.Equal(t, resp.Header.Get("X-Request-Id"), p["requestId"])
	return p
}

// listening is a server on a port, which the caller shuts down.
func listening(t testing.TB, s *Server) *Listener {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return Serve(socket, s, nil)
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// eventually waits for a condition, never for a time.
func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 2*time.Millisecond)
}

const sampleRequest = `{"executable":{"kind":"https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/executable/docker-container.yaml","image":{"locations":["ghcr.io/example/counts:1.4"]}}}`

const acceptUpdate = `{"kind":"uri:enum-value-update","path":"/phase","value":"ACCEPTED"}`
