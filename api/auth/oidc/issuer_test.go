package oidc

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an issuer's, whose answers can be changed while it runs.
type server struct {
	mu        sync.Mutex
	url       string
	document  map[string]any
	keys      []map[string]any
	down      bool
	status    int           // of its answers; 0: as it should be
	redirects string        // where requests for keys are sent
	gate      chan struct{} // answers wait for it; nil: they don't
	asked     int           // for keys
}

func newServer(url string) *server {
	s := &server{url: url}
	s.document = map[string]any{
		"issuer": url, "jwks_uri": url + "/jwks", "token_endpoint": url + "/token",
		"device_authorization_endpoint": url + "/devicecode", "grant_types_supported": []string{"refresh_token"},
	}
	return s
}

// add publishes a new key.
func (s *server) add(t *testing.T, kid string) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64.RawURLEncoding.EncodeToString(public)})
	return public
}

// change changes what the server answers.
func (s *server) change(to func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to(s)
}

func (s *server) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.down:
		http.Error(w, "down", http.StatusBadGateway)
	case s.status != 0:
		status := s.status
		s.status = 0
		w.WriteHeader(status)
		s.mu.Unlock()
		s.ServeHTTP(w, r)
		s.mu.Lock()
		s.status = status
	case r.URL.Path == wellKnown:
		_ = json.NewEncoder(w).Encode(s.document)
	case s.redirects != "" && r.URL.Path != "/moved":
		http.Redirect(w, r, s.redirects, http.StatusFound)
	case r.URL.Path == "/jwks", r.URL.Path == "/moved":
		s.asked++
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": s.keys})
	default:
		http.NotFound(w, r)
	}
}

// near is a client of the handler without a network, so that time can stand still
// while it answers.
func near(h http.Handler) *http.Client { return &http.Client{Transport: transport{h}} }

type transport struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	t.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// open opens a provider of the server's issuer.
func open(t *testing.T, s *server, change ...func(*Options)) *Provider {
	t.Helper()
	o := Options{Issuer: s.url, Client: near(s), Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	p, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

var _ io.Writer = (*logged)(nil)

const hour = time.Hour
