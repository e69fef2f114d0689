package login

import (
	"context"
	"encoding/json"
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

	"starling/api/auth/issuer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an issuer and a node that believes it, both with certificates of a CA
// of their own, and a clock that goes as fast as somebody sleeps.
type world struct {
	t      *testing.T
	issuer *httptest.Server
	serves *issuer.Server
	node   *httptest.Server
	caller Caller
	store  Store
	// before looks at each request to the issuer, and may answer it.
	before func(http.ResponseWriter, *http.Request) (answered bool)

	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	calls []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Now().Truncate(time.Second), store: Store{Dir: t.TempDir() + "/logins"}}
	w.issuer = httptest.NewTLSServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.calls = append(w.calls, r.URL.Path)
		before := w.before
		w.mu.Unlock()
		if before == nil || !before(to, r) {
			w.serves.ServeHTTP(to, r)
		}
	}))
	t.Cleanup(w.issuer.Close)
	var err error
	w.serves, err = issuer.New(issuer.Options{Dir: t.TempDir(), Identity: issuer.Identity{URL: w.issuer.URL}, Algorithm: issuer.EdDSA, Now: w.Now})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.serves.Close()) })
	w.node = httptest.NewTLSServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		if r.URL.Path != resourcePath {
			http.NotFound(to, r)
			return
		}
		_ = json.NewEncoder(to).Encode(Resource{
			URL: w.node.URL, Issuers: []string{w.issuer.URL},
			Offers: []Offer{{Issuer: w.issuer.URL, Client: issuer.PublicClient, Scopes: []string{"openid", "offline_access"}}},
		})
	}))
	t.Cleanup(w.node.Close)
	client := w.issuer.Client() // it trusts the CA of all such servers
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(client.CloseIdleConnections)
	w.caller = Caller{HTTP: client, Now: w.Now, Sleep: w.Sleep, Timeout: 20 * time.Second}
	return w
}

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	w.slept = append(w.slept, d)
	return ctx.Err()
}

func (w *world) advance(d time.Duration) { _ = w.Sleep(context.Background(), d) }

// count is how often a path of the issuer was asked for.
func (w *world) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(" "+strings.Join(w.calls, " ")+" ", " "+path+" ")
}

// intercept sets what looks at requests to the issuer.
func (w *world) intercept(f func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = f
}

// answer is the user's, on the issuer's page.
func (w *world) answer(code, user, yes string) {
	w.t.Helper()
	form := url.Values{"user_code": {code}, "user": {user}, "groups": {"ska"}, "answer": {yes}}
	resp, err := w.caller.HTTP.PostForm(w.issuer.URL+"/device", form)
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	require.Equal(w.t, http.StatusOK, resp.StatusCode)
}

// begin goes as far as the codes.
func (w *world) begin() (*Issuer, *Device) {
	w.t.Helper()
	ctx := w.t.Context()
	said, err := w.caller.Named(ctx, w.node.URL)
	require.NoError(w.t, err)
	offer, err := said.Choose("", "")
	require.NoError(w.t, err)
	found, err := w.caller.Discover(ctx, offer.Issuer)
	require.NoError(w.t, err)
	device, err := found.Begin(ctx, Want{Client: offer.Client, Scopes: offer.Scopes, Resource: said.URL})
	require.NoError(w.t, err)
	return found, device
}

// login is a whole one, which is kept.
func (w *world) login() Login {
	w.t.Helper()
	found, device := w.begin()
	w.answer(device.UserCode, "alice", "yes")
	token, err := found.Wait(w.t.Context(), device)
	require.NoError(w.t, err)
	origin, err := Origin(w.node.URL)
	require.NoError(w.t, err)
	l := Login{
		Node: origin, Issuer: found.URL, Client: issuer.PublicClient,
		Access: token.Access, Refresh: token.Refresh, Since: w.Now(), Expires: token.Expires,
	}
	_, err = w.store.Keep(w.t.Context(), l)
	require.NoError(w.t, err)
	return l
}

// tokens are those of another process.
func (w *world) tokens(origin string) *Tokens {
	return &Tokens{Store: w.store, Origin: origin, Caller: w.caller}
}
