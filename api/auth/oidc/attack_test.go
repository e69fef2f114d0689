package oidc

import (
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth/jwks"
	"starling/federation/outbound"
)

// What an issuer's server says that is not to be believed: no key comes of it.
func TestPromise8DocumentsThatAreNotToBeBelieved(t *testing.T) {
	for name, change := range map[string]func(*server){
		"another issuer's":          func(s *server) { s.document["issuer"] = "https://evil.example.org" },
		"an issuer but for a slash": func(s *server) { s.document["issuer"] = s.url + "/" },
		"nobody's":                  func(s *server) { delete(s.document, "issuer") },
		"without keys":              func(s *server) { delete(s.document, "jwks_uri") },
		"keys over http":            func(s *server) { s.document["jwks_uri"] = "http://iam.example.org/jwks" },
		"keys in a file":            func(s *server) { s.document["jwks_uri"] = "file:///etc/keys" },
		"keys behind a password":    func(s *server) { s.document["jwks_uri"] = "https://u:p@iam.example.org/jwks" },
		"keys at an endless URL": func(s *server) {
			s.document["jwks_uri"] = "https://iam.example.org/jwks?" + strings.Repeat("a", maxURL)
		},
		"keys of another type":          func(s *server) { s.document["jwks_uri"] = []string{"https://iam.example.org/jwks"} },
		"tokens over http":              func(s *server) { s.document["token_endpoint"] = "http://iam.example.org/token" },
		"devices over http":             func(s *server) { s.document["device_authorization_endpoint"] = "http://iam.example.org/d" },
		"a redirect":                    func(s *server) { s.redirects = "https://iam.example.org/moved" },
		"grant types without end":       func(s *server) { s.document["grant_types_supported"] = make([]string, maxGrants+1) },
		"a document without end":        func(s *server) { s.document["x"] = strings.Repeat("a", maxDocument) },
		"keys without end":              func(s *server) { s.keys = make([]map[string]any, 10_000) },
		"large keys":                    func(s *server) { s.keys[0]["x5c"] = strings.Repeat("a", jwks.MaxBytes) },
		"an error that looks good":      func(s *server) { s.status = http.StatusInternalServerError },
		"nothing that can be read here": func(s *server) { s.down = true },
	} {
		s := newServer(iam)
		s.add(t, "1")
		change(s)
		p := open(t, s)
		_, err := p.Key(t.Context(), jwks.EdDSA, "1")
		assert.ErrorIs(t, err, ErrUnreachable, name)
		_, err = p.Endpoints(t.Context())
		assert.ErrorIs(t, err, ErrUnreachable, name)
	}
}

func TestADocumentWithAMemberTwiceIsNone(t *testing.T) {
	body := `{"issuer":"https://evil.example.org","issuer":"` + iam + `","jwks_uri":"` + iam + `/jwks"}`
	_, err := asker{issuer: iam}.parse([]byte(body))
	assert.Error(t, err)
	_, err = asker{issuer: iam}.parse([]byte(strings.Replace(body, `"issuer":"https://evil.example.org",`, "", 1)))
	assert.NoError(t, err)
}

// What is longer than may be is not read as what it begins with.
func TestPromise8ADocumentIsReadWholeOrNotAtAll(t *testing.T) {
	s := newServer(iam)
	padded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(w, r)
		_, _ = w.Write([]byte(strings.Repeat(" ", maxDocument)))
	})
	s.add(t, "1")
	p := open(t, s, func(o *Options) { o.Client = near(padded) })
	_, err := p.Key(t.Context(), jwks.EdDSA, "1")
	assert.ErrorIs(t, err, ErrUnreachable)
}

// While an issuer's server says nonsense, its last keys go on counting.
func TestNonsenseIsAsGoodAsNoAnswer(t *testing.T) {
	s := newServer(iam)
	s.add(t, "1")
	p := open(t, s)
	_, err := p.Key(t.Context(), jwks.EdDSA, "1")
	require.NoError(t, err)
	s.change(func(s *server) { s.document["issuer"] = "https://evil.example.org" })
	require.Error(t, p.askOnce(t.Context()))
	_, err = p.Key(t.Context(), jwks.EdDSA, "1")
	assert.NoError(t, err)
}

// Over real TLS, by the client that nodes use.
func TestAnIssuerIsAskedByTLSAndAtAddressesThatMayBe(t *testing.T) {
	s := newServer("")
	s.add(t, "1")
	// It listens on loopback, as an issuer in a private network would.
	tls := httptest.NewTLSServer(s)
	defer tls.Close()
	s.url = tls.URL
	s.document["issuer"], s.document["jwks_uri"] = tls.URL, tls.URL+"/jwks"
	delete(s.document, "token_endpoint")
	delete(s.document, "device_authorization_endpoint")
	roots := x509.NewCertPool()
	roots.AddCert(tls.Certificate())

	for name, tt := range map[string]struct {
		options outbound.Options
		reached bool
	}{
		"a private issuer that may be": {outbound.Options{RootCAs: roots, AllowPrivate: true, HTTPS: true}, true},
		"a private one that may not":   {outbound.Options{RootCAs: roots, HTTPS: true}, false},
		"one that nobody vouches for":  {outbound.Options{AllowPrivate: true, HTTPS: true}, false},
	} {
		p, err := Open(Options{Issuer: tls.URL, Client: outbound.New(tt.options), Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		_, err = p.Key(t.Context(), jwks.EdDSA, "1")
		p.Close()
		if tt.reached {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorIs(t, err, ErrUnreachable, name)
	}
}

// An issuer on a public address can't lead a node to its own network for keys.
func TestAPublicIssuerCantNamePrivateKeys(t *testing.T) {
	inside := false
	private := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		inside = true
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{}})
	}))
	defer private.Close()
	roots := x509.NewCertPool()
	roots.AddCert(private.Certificate())
	guarded := outbound.New(outbound.Options{RootCAs: roots, HTTPS: true})
	s := newServer(iam)
	s.document["jwks_uri"] = private.URL
	// The document comes from the issuer; all else goes the guarded way.
	client := &http.Client{Transport: split{transport{s}, guarded.Transport}}
	p := open(t, s, func(o *Options) { o.Client = client })
	_, err := p.Key(t.Context(), jwks.EdDSA, "1")
	assert.ErrorIs(t, err, ErrUnreachable)
	assert.False(t, inside)
	assert.NotContains(t, p.Trouble().Error(), "127.0.0.1", "nor does it tell anybody what there is")
}

type split struct{ document, rest http.RoundTripper }

func (s split) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == wellKnown {
		return s.document.RoundTrip(r)
	}
	return s.rest.RoundTrip(r)
}

func TestHTTPIsForLoopbackInDevelopmentOnly(t *testing.T) {
	for url, want := range map[string][2]bool{ // in earnest, in development
		"https://iam.example.org":    {true, true},
		"https://iam.example.org/":   {true, true},
		"http://iam.example.org":     {false, false},
		"http://127.0.0.1:7780":      {false, true},
		"http://localhost:7780":      {false, true},
		"http://[::1]:7780":          {false, true},
		"http://localhost.evil.org":  {false, false},
		"http://127.0.0.1@evil.org":  {false, false},
		"https://u@iam.example.org":  {false, false},
		"https://iam.example.org/#x": {false, false},
		"ftp://iam.example.org":      {false, false},
		"iam.example.org":            {false, false},
		"":                           {false, false},
	} {
		for i, dev := range []bool{false, true} {
			assert.Equal(t, want[i], asker{insecure: dev}.fit(url), "%s, development: %t", url, dev)
		}
	}
	_, err := Open(Options{Issuer: "http://iam.example.org", Client: http.DefaultClient})
	assert.Error(t, err)
}

// Whatever a server says of itself: what is believed is the issuer's own, and of
// https.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://iam.example.org","jwks_uri":"https://a/b","token_endpoint":"https://c","grant_types_supported":["a"]}`))
	f.Add([]byte(`{"issuer":"https://iam.example.org","jwks_uri":"http://a/b"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := asker{issuer: iam}.parse(body)
		if err != nil {
			return
		}
		assert.Equal(t, iam, d.Issuer)
		for _, url := range []string{d.Keys, d.Token, d.DeviceAuthorization, d.Revocation} {
			assert.True(t, url == "" || strings.HasPrefix(strings.ToLower(url), "https://"), url)
		}
		assert.NotEmpty(t, d.Keys)
	})
}
