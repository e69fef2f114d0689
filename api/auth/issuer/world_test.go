package issuer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// world is an issuer that is served, with a confidential client and the public
// one.
type world struct {
	t      *testing.T
	clock  *clock
	dir    string
	url    string
	serves *Server
	http   *httptest.Server
}

const secret = "a secret of 24 characters"

func newWorld(t *testing.T, change ...func(*Options)) *world {
	w := &world{t: t, clock: &clock{now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}, dir: t.TempDir()}
	w.http = httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) { w.serves.ServeHTTP(to, r) }))
	t.Cleanup(w.http.Close)
	w.url = w.http.URL
	w.start(change...)
	t.Cleanup(func() { assert.NoError(t, w.serves.Close()) })
	return w
}

// start starts the issuer with what is in its directory.
func (w *world) start(change ...func(*Options)) {
	w.t.Helper()
	o := Options{
		Dir: w.dir, Identity: Identity{URL: w.url}, Algorithm: EdDSA, Now: w.clock.Now,
		Clients: []Client{{ID: PublicClient}, {ID: "kth", Secret: secret}, {ID: "jodrell", Secret: "another " + secret}},
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	w.serves, err = New(o)
	require.NoError(w.t, err)
}

// answer is what was answered to a form.
type answer struct {
	status           int
	header           http.Header
	body             string
	Access           string `json:"access_token"`
	IssuedType       string `json:"issued_token_type"`
	ID               string `json:"id_token"`
	Type             string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	Scope            string `json:"scope"`
	Refresh          string `json:"refresh_token"`
	Error            string `json:"error"`
	Description      string `json:"error_description"`
	Device           string `json:"device_code"`
	User             string `json:"user_code"`
	WholePage        string `json:"verification_uri_complete"`
	Interval         int64  `json:"interval"`
	Active           bool   `json:"active"`
	TokenEndpoint    string `json:"token_endpoint"`
	DeviceEndpoint   string `json:"device_authorization_endpoint"`
	Issuer           string `json:"issuer"`
	JWKS             string `json:"jwks_uri"`
	Keys             []publicKey
	GrantTypes       []string `json:"grant_types_supported"`
	RevokeEndpoint   string   `json:"revocation_endpoint"`
	SigningSupported []string `json:"id_token_signing_alg_values_supported"`
}

// form is name, value, name, value, …
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	http.DefaultClient.CloseIdleConnections()
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		require.NoError(w.t, json.Unmarshal(text, &a), "%s", text)
	}
	return a
}

func (w *world) get(path string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	require.NoError(w.t, err)
	return w.do(r)
}

func (w *world) request(path string, f url.Values) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.url+path, strings.NewReader(f.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// post sends a form as the public client.
func (w *world) post(path string, pairs ...string) answer {
	w.t.Helper()
	f := form(pairs...)
	if !f.Has("client_id") {
		f.Set("client_id", PublicClient)
	}
	return w.do(w.request(path, f))
}

// postAs sends a form as a confidential client.
func (w *world) postAs(client, secret, path string, pairs ...string) answer {
	w.t.Helper()
	r := w.request(path, form(pairs...))
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	return w.do(r)
}

// login goes through the device flow.
func (w *world) login(user, groups string, pairs ...string) answer {
	w.t.Helper()
	codes := w.post("/devicecode", pairs...)
	require.Equal(w.t, 200, codes.status, codes.body)
	page := w.post("/device", "user_code", codes.User, "user", user, "groups", groups, "answer", "yes")
	require.Equal(w.t, 200, page.status, page.body)
	got := w.post("/token", "grant_type", grantDevice, "device_code", codes.Device)
	require.Equal(w.t, 200, got.status, got.body)
	return got
}

// claims are what a token of the issuer says, which must verify.
func (w *world) claims(token string) *issued {
	w.t.Helper()
	s, err := w.serves.Directory().read()
	require.NoError(w.t, err)
	claims, err := s.verify(token, w.clock.Now)
	require.NoError(w.t, err)
	return claims
}
