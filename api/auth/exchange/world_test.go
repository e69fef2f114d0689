package exchange

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// subject is the user's own token, which must turn up nowhere.
const subject = "c3ViamVjdC10b2tlbi1vZi1hbGljZQ"

const secret = "p: ss/w&rd"

// issuer is a token endpoint.
type issuer struct {
	*httptest.Server
	client *Client
	now    time.Time
	asked  atomic.Int64
	// answer says what is answered to a form.
	answer func(w http.ResponseWriter, r *http.Request, form url.Values)
	grants []string
}

// members are those of a JSON object.
type members map[string]any

// newIssuer starts an issuer that gives what it is asked for.
func newIssuer(t testing.TB) *issuer {
	i := &issuer{now: noon, grants: []string{"refresh_token", Grant}}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		require.NoError(t, r.ParseForm())
		i.answer(w, r, r.PostForm)
	}))
	t.Cleanup(i.Close)
	i.give(nil)
	i.client = New(Options{
		Issuer: "https://iam.example.org", ClientID: "node:1",
		Endpoint: func(context.Context) (Endpoint, error) { return Endpoint{i.URL + "/token", i.grants}, nil },
		Secret:   func() (identity.Secret, error) { return identity.NewSecret(secret), nil },
		HTTP:     i.Client(), Now: func() time.Time { return i.now },
	})
	return i
}

// give lets the issuer give what is asked for, but for what is changed.
func (i *issuer) give(change func(form url.Values, answer members)) {
	i.answer = func(w http.ResponseWriter, _ *http.Request, form url.Values) {
		answer := members{
			"access_token": jwt(members{"aud": form.Get("audience"), "scope": form.Get("scope")}), "issued_token_type": accessToken,
			"token_type": "Bearer", "expires_in": 600, "scope": form.Get("scope"),
		}
		if change != nil {
			change(form, answer)
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// refuse lets it answer so.
func (i *issuer) refuse(status int, answer members) {
	i.answer = func(w http.ResponseWriter, _ *http.Request, _ url.Values) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// jwt looks like one; nobody verifies it here.
func jwt(claims members) string {
	payload, _ := json.Marshal(claims)
	return "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(payload) + ".c2lnbmF0dXJl"
}

// read is the want of most tests.
var read = Want{Audience: "https://storm.example.org:8443", Scope: []string{"storage.read:/ska/a.fits"}}

func (i *issuer) exchange(w Want) (Token, error) {
	return i.client.Exchange(context.Background(), identity.NewSecret(subject), w)
}
