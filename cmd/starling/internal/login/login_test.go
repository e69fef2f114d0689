package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALoginFromTheNodesWordToItsToken(t *testing.T) {
	w := newWorld(t)
	found, device := w.begin()
	assert.Equal(t, w.issuer.URL+"/device", device.Page)
	assert.Contains(t, device.WholePage, device.UserCode)
	assert.Equal(t, w.Now().Add(10*time.Minute), device.Expires)
	var asked int
	w.intercept(func(http.ResponseWriter, *http.Request) bool {
		if asked++; asked == 3 {
			w.intercept(nil)
			w.answer(device.UserCode, "alice", "yes")
		}
		return false
	})
	token, err := found.Wait(t.Context(), device)
	require.NoError(t, err)
	assert.False(t, token.Refresh.IsZero())
	assert.Equal(t, w.Now().Add(time.Hour), token.Expires)
	issuer, expires := Peek(token.Access.Reveal())
	assert.Equal(t, w.issuer.URL, issuer)
	assert.True(t, expires.Equal(token.Expires))
	assert.Equal(t, []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}, w.slept)
	assert.NotContains(t, fmt.Sprintf("%+v %+v", token, device), token.Access.Reveal())
}

func TestAnIssuersAnswersToADeviceThatWaits(t *testing.T) {
	say := func(w http.ResponseWriter, status int, body string) bool {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
	for want, c := range map[string]struct {
		answer func(http.ResponseWriter) bool
		slept  []time.Duration
	}{
		"slower":   {func(w http.ResponseWriter) bool { return say(w, 400, `{"error": "slow_down"}`) }, []time.Duration{5e9, 10e9}},
		"pending":  {func(w http.ResponseWriter) bool { return say(w, 400, `{"error": "authorization_pending"}`) }, []time.Duration{5e9, 5e9}},
		"restarts": {func(w http.ResponseWriter) bool { return say(w, 503, `<html>`) }, []time.Duration{5e9, 10e9}},
		"is cut": {func(w http.ResponseWriter) bool {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
			return true
		}, []time.Duration{5e9, 10e9}},
	} {
		w := newWorld(t)
		found, device := w.begin()
		w.answer(device.UserCode, "alice", "yes")
		w.intercept(func(to http.ResponseWriter, _ *http.Request) bool {
			w.intercept(nil)
			return c.answer(to)
		})
		_, err := found.Wait(t.Context(), device)
		require.NoError(t, err, want)
		assert.Equal(t, c.slept, w.slept, want)
	}
}

func TestALoginThatIsRefusedOrForgotten(t *testing.T) {
	w := newWorld(t)
	found, device := w.begin()
	w.answer(device.UserCode, "", "no")
	_, err := found.Wait(t.Context(), device)
	assert.ErrorIs(t, err, ErrDenied)

	found, device = w.begin()
	_, err = found.Wait(t.Context(), device)
	assert.ErrorIs(t, err, ErrTooLate)

	found, device = w.begin()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = found.Wait(ctx, device)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = found.Begin(ctx, Want{Client: "starling"})
	assert.ErrorIs(t, err, context.Canceled)

	_, err = found.Begin(t.Context(), Want{Client: "nobody"})
	assert.EqualError(t, err, "the issuer "+w.issuer.URL+" refuses: invalid_client: there is no such client, or that is not its secret")
	found.Device = ""
	_, err = found.Begin(t.Context(), Want{Client: "starling"})
	assert.ErrorIs(t, err, ErrNoDevices)
}

// A token that is nearly over is replaced, and the new refresh token is in the
// file before the token is used.
func TestATokenIsRefreshedBeforeItEnds(t *testing.T) {
	w := newWorld(t)
	l := w.login()
	tokens := w.tokens(l.Node)
	token, err := tokens.Token(t.Context())
	require.NoError(t, err)
	assert.Equal(t, l.Access.Reveal(), token)
	w.advance(time.Hour - margin)
	for range 3 {
		before, err := w.store.Find(l.Node)
		require.NoError(t, err)
		token, err = tokens.Token(t.Context())
		require.NoError(t, err)
		after, err := w.store.Find(l.Node)
		require.NoError(t, err)
		assert.Equal(t, token, after.Access.Reveal())
		assert.NotEqual(t, before.Refresh.Reveal(), after.Refresh.Reveal())
		assert.Equal(t, w.Now().Add(time.Hour).UTC(), after.Expires)
		w.advance(2 * time.Hour)
	}
	assert.Equal(t, 3, w.count("/token")-1)
}

// Each refresh token works once. Processes that need one at the same time don't
// use the same twice.
func TestProcessesRefreshOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	l := w.login()
	for range 3 {
		w.advance(2 * time.Hour)
		before := w.count("/token")
		got := make([]string, 8)
		var wait sync.WaitGroup
		for i := range got {
			wait.Go(func() {
				token, err := w.tokens(l.Node).Token(t.Context())
				assert.NoError(t, err)
				got[i] = token
			})
		}
		wait.Wait()
		for _, token := range got {
			assert.Equal(t, got[0], token)
		}
		assert.Equal(t, 1, w.count("/token")-before)
	}
}

// Ctrl-C while a refresh is under way doesn't lose what the issuer answers.
func TestARefreshIsNotBrokenOff(t *testing.T) {
	w := newWorld(t)
	l := w.login()
	w.advance(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	w.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			cancel()
		}
		return false
	})
	token, err := w.tokens(l.Node).Token(ctx)
	require.NoError(t, err)
	after, err := w.store.Find(l.Node)
	require.NoError(t, err)
	assert.Equal(t, token, after.Access.Reveal())
	assert.NotEqual(t, l.Refresh.Reveal(), after.Refresh.Reveal())
}

func TestAnIssuerThatIsDownOrSaysNo(t *testing.T) {
	w := newWorld(t)
	l := w.login()
	down := func(to http.ResponseWriter, _ *http.Request) bool {
		conn, _, _ := to.(http.Hijacker).Hijack()
		conn.Close()
		return true
	}
	w.intercept(down)
	w.advance(time.Hour - margin)
	token, err := w.tokens(l.Node).Token(t.Context())
	require.NoError(t, err, "it is good for half a minute")
	assert.Equal(t, l.Access.Reveal(), token)
	w.advance(margin)
	_, err = w.tokens(l.Node).Token(t.Context())
	assert.ErrorContains(t, err, "refresh the login for "+l.Node+": no answer from the issuer "+w.issuer.URL)

	// Somebody else has used the refresh token.
	w.intercept(nil)
	_, err = w.tokens(l.Node).Token(t.Context())
	require.NoError(t, err)
	_, err = w.store.Keep(t.Context(), l)
	require.NoError(t, err)
	_, err = w.tokens(l.Node).Token(t.Context())
	assert.ErrorIs(t, err, ErrOver)
	assert.ErrorContains(t, err, "log in again: starling login")

	// One that nothing refreshes.
	l.Issuer = ""
	_, err = w.store.Keep(t.Context(), l)
	require.NoError(t, err)
	_, err = w.tokens(l.Node).Token(t.Context())
	assert.ErrorIs(t, err, ErrOver)
}

func TestARevokedLoginIsOver(t *testing.T) {
	w := newWorld(t)
	l := w.login()
	found, err := w.caller.Discover(t.Context(), l.Issuer)
	require.NoError(t, err)
	told, err := found.Revoke(t.Context(), l)
	require.NoError(t, err)
	assert.True(t, told)
	w.advance(2 * time.Hour)
	_, err = w.tokens(l.Node).Token(t.Context())
	assert.ErrorIs(t, err, ErrOver)
}

// An issuer or a node that was taken over, or never was one, gets nothing and
// writes nothing to the terminal that moves its cursor.
func TestAnswersThatAreNotToBeBelieved(t *testing.T) {
	var document, where string
	status := http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if where != "" {
			w.Header().Set("Location", where)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.ReplaceAll(document, "SELF", "https://"+r.Host)))
	}))
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer client.CloseIdleConnections()
	c := Caller{HTTP: client, Now: time.Now, Timeout: 20 * time.Second}
	for want, d := range map[string]string{
		"says that it is the issuer \"https://other\"":        `{"issuer": "https://other", "token_endpoint": "https://other/token"}`,
		"says that it is the issuer \"SELF/\"":                `{"issuer": "SELF/", "token_endpoint": "SELF/token"}`,
		"its token endpoint: http://evil/token is not https":  `{"issuer": "SELF", "token_endpoint": "http://evil/token"}`,
		"its device endpoint: http://evil/d is not https":     `{"issuer": "SELF", "token_endpoint": "SELF/t", "device_authorization_endpoint": "http://evil/d"}`,
		"its revocation endpoint: http://evil/ is not https:": `{"issuer": "SELF", "token_endpoint": "SELF/t", "revocation_endpoint": "http://evil/"}`,
		"has no token endpoint":                               `{"issuer": "SELF"}`,
		"answers something else than it should":               `<html>`,
		"answers more than 262144 bytes":                      `{"issuer": "` + strings.Repeat("x", maxAnswer) + `"}`,
	} {
		document = d
		_, err := c.Discover(t.Context(), server.URL)
		assert.ErrorContains(t, err, strings.ReplaceAll(want, "SELF", server.URL))
	}
	_, err := c.Discover(t.Context(), "http://issuer.example.org")
	assert.ErrorContains(t, err, "is not https: what is sent there could be read on the way")

	found := &Issuer{URL: server.URL, Token: server.URL, Device: server.URL, caller: c}
	for want, d := range map[string]string{
		"answers no codes":                   `{"device_code": "x", "user_code": "\u001b[2Jboo", "verification_uri": "SELF/"}`,
		"names no page to log in at":         `{"device_code": "x", "user_code": "boo", "verification_uri": "file:///etc/passwd"}`,
		"http://evil/ is not https":          `{"device_code": "x", "user_code": "boo", "verification_uri": "http://evil/"}`,
		"names no page to log in at: ":       `{"device_code": "x", "user_code": "boo", "verification_uri": "SELF/\u202e"}`,
		"answers something else than it sho": `[]`,
	} {
		document = d
		_, err := found.Begin(t.Context(), Want{Client: "starling"})
		assert.ErrorContains(t, err, want)
	}
	for _, d := range []string{`{}`, `{"access_token": "a b", "token_type": "Bearer"}`, `{"access_token": "a\r\nX: y", "token_type": "Bearer"}`,
		`{"access_token": "a", "token_type": "mac"}`, `{"access_token": "a", "token_type": "bearer", "refresh_token": "\n"}`,
		`{"access_token": "` + strings.Repeat("x", maxToken+1) + `", "token_type": "bearer"}`} {
		document = d
		_, err := found.grant(t.Context(), nil)
		assert.ErrorContains(t, err, "answers no bearer token", d)
	}

	status, document = 400, `{"error": "nope\u001b[31m", "error_description": "`+strings.Repeat("y", 1000)+`"}`
	_, err = found.grant(t.Context(), nil)
	var refused *Refused
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "nope[31m", refused.Code)
	assert.Len(t, []rune(refused.Reason), 300)

	// A redirect is an answer like others: nothing is sent elsewhere.
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer other.Close()
	status, where = http.StatusTemporaryRedirect, other.URL
	_, err = found.grant(t.Context(), nil)
	assert.ErrorAs(t, err, &refused)
}

func TestWhereToLogIn(t *testing.T) {
	one := Offer{Issuer: "https://a", Client: "starling"}
	two := Offer{Issuer: "https://b", Client: "s"}
	for _, c := range []struct {
		resource       Resource
		issuer, client string
		want           Offer
		err            string
	}{
		{Resource{Offers: []Offer{one}}, "", "", one, ""},
		{Resource{Offers: []Offer{one, two}}, "https://b", "", two, ""},
		{Resource{Offers: []Offer{one}, Issuers: []string{"https://a"}}, "", "mine", Offer{Issuer: "https://a", Client: "mine"}, ""},
		{Resource{Offers: []Offer{one, two}}, "", "", Offer{}, "choose one with --issuer: https://a, https://b"},
		{Resource{Offers: []Offer{one}}, "https://c", "", Offer{}, "the node doesn't believe the issuer https://c, but https://a"},
		{Resource{Issuers: []string{"https://a"}}, "", "", Offer{}, "--client names one"},
		{Resource{Issuers: []string{"https://a"}}, "", "mine", Offer{Issuer: "https://a", Client: "mine"}, ""},
		{Resource{}, "", "", Offer{}, ErrNoIssuers.Error()},
	} {
		got, err := c.resource.Choose(c.issuer, c.client)
		if c.err == "" {
			assert.NoError(t, err)
			assert.Equal(t, c.want, got)
			continue
		}
		assert.ErrorContains(t, err, c.err)
	}
}

// A node that says it is another one would get that one's tokens.
func TestANodeThatCallsItselfAnotherIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	resource := "https://broker.example.org"
	var path string
	liar := httptest.NewTLSServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		fmt.Fprintf(to, `{"resource": %q, "starling_login": [{"issuer": %q, "client_id": "starling"}]}`, resource, w.issuer.URL)
	}))
	defer liar.Close()
	_, err := w.caller.Named(t.Context(), liar.URL)
	assert.ErrorContains(t, err, `calls itself "https://broker.example.org"`)
	resource = liar.URL + "/broker"
	_, err = w.caller.Named(t.Context(), liar.URL+"/broker/")
	assert.NoError(t, err)
	assert.Equal(t, "/.well-known/oauth-protected-resource/broker", path)
	_, err = w.caller.Named(t.Context(), w.node.URL+"/elsewhere")
	assert.ErrorIs(t, err, ErrNoIssuers)
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	gone.Close()
	_, err = w.caller.Named(t.Context(), gone.URL)
	assert.ErrorContains(t, err, "no answer from the node at "+gone.URL)
	var lost *Unreachable
	assert.False(t, errors.As(err, &lost), "it is no issuer")
}
