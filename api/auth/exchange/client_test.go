package exchange

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

func TestATokenIsAskedForAsRFC8693Says(t *testing.T) {
	i := newIssuer(t)
	give := i.answer
	i.answer = func(w http.ResponseWriter, r *http.Request, form url.Values) {
		id, password, ok := r.BasicAuth()
		assert.True(t, ok)
		assert.Equal(t, []string{url.QueryEscape("node:1"), url.QueryEscape(secret)}, []string{id, password}, "RFC 6749 section 2.3.1")
		assert.Equal(t, url.Values{
			"grant_type": {Grant}, "subject_token": {subject}, "subject_token_type": {accessToken}, "requested_token_type": {accessToken},
			"audience": {read.Audience}, "scope": {read.Scope[0]},
		}, form)
		assert.Empty(t, r.URL.RawQuery)
		give(w, r, form)
	}
	token, err := i.exchange(read)
	require.NoError(t, err)
	assert.NotEmpty(t, token.Access.Reveal())
	assert.True(t, token.Refresh.IsZero())
	assert.Equal(t, noon.Add(10*time.Minute), token.Expires)
	assert.Equal(t, read.Scope, token.Scope)
}

func TestARefreshTokenIsAskedForAndUsed(t *testing.T) {
	i := newIssuer(t)
	want := read
	want.Offline = true
	i.give(func(form url.Values, a members) {
		assert.Equal(t, "storage.read:/ska/a.fits offline_access", form.Get("scope"))
		a["refresh_token"] = "refresh-1"
	})
	token, err := i.exchange(want)
	require.NoError(t, err)
	assert.Equal(t, "refresh-1", token.Refresh.Reveal())
	i.give(func(form url.Values, a members) {
		assert.Equal(t, "refresh_token", form.Get("grant_type"))
		assert.Equal(t, "refresh-1", form.Get("refresh_token"))
		assert.Empty(t, form.Get("subject_token"))
		a["refresh_token"] = "refresh-2"
		delete(a, "issued_token_type") // RFC 6749 knows none
	})
	token, err = i.client.Refresh(context.Background(), token.Refresh, want)
	require.NoError(t, err)
	assert.Equal(t, "refresh-2", token.Refresh.Reveal())
}

// Promise 8: what comes back is what was asked for, or isn't used.
func TestPromise8AnAnswerThatIsNotWhatWasAskedForIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		why    string
		change func(url.Values, members)
	}{
		"another kind of token": {"token_type", func(_ url.Values, a members) { a["token_type"] = "N_A" }},
		"no kind":               {"token_type", func(_ url.Values, a members) { delete(a, "token_type") }},
		"an ID token":           {"issued_token_type", func(_ url.Values, a members) { a["issued_token_type"] = "urn:ietf:params:oauth:token-type:id_token" }},
		"who knows what":        {"issued_token_type", func(_ url.Values, a members) { delete(a, "issued_token_type") }},
		"no token":              {"access_token", func(_ url.Values, a members) { delete(a, "access_token") }},
		"two lines":             {"access_token", func(_ url.Values, a members) { a["access_token"] = "abc\r\nX-Evil: 1" }},
		"a huge token":          {"access_token", func(_ url.Values, a members) { a["access_token"] = strings.Repeat("a", maxToken+1) }},
		"a broken refresh":      {"refresh_token", func(_ url.Values, a members) { a["refresh_token"] = "a\nb" }},
		"expired":               {"expired", func(_ url.Values, a members) { a["expires_in"] = 0 }},
		"expired by itself": {"expired", func(_ url.Values, a members) {
			delete(a, "expires_in")
			a["access_token"] = jwt(members{"aud": read.Audience, "exp": noon.Unix()})
		}},
		"a wider scope":  {"scope", func(_ url.Values, a members) { a["scope"] = read.Scope[0] + " storage.modify:/" }},
		"the whole tree": {"scope", func(_ url.Values, a members) { a["scope"] = "storage.read:/" }},
		"a wider scope within": {"scope", func(_ url.Values, a members) {
			a["access_token"] = jwt(members{"aud": read.Audience, "scope": "storage.read:/"})
		}},
		"a wider list within": {"scope", func(_ url.Values, a members) {
			a["access_token"] = jwt(members{"aud": read.Audience, "scope": []string{"storage.read:/"}})
		}},
		"an unasked refresh": {"scope", func(_ url.Values, a members) { a["scope"] = read.Scope[0] + " offline_access" }},
		"another audience":   {"asked for", func(_ url.Values, a members) { a["access_token"] = jwt(members{"aud": "https://other.example.org"}) }},
		"one audience more": {"asked for", func(_ url.Values, a members) {
			a["access_token"] = jwt(members{"aud": []string{read.Audience, "https://wlcg.cern.ch/jwt/v1/any"}})
		}},
		"no audience":             {"no audience", func(_ url.Values, a members) { a["access_token"] = jwt(members{"sub": "alice"}) }},
		"the user's own":          {"user's own", func(_ url.Values, a members) { a["access_token"] = subject }},
		"more than is read":       {"larger", func(_ url.Values, a members) { a["filler"] = strings.Repeat("x", maxAnswer) }},
		"numbers for texts":       {"JSON", func(_ url.Values, a members) { a["access_token"] = 7 }},
		"a number that is no int": {"JSON", func(_ url.Values, a members) { a["expires_in"] = 1.5 }},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.give(c.change)
			token, err := i.exchange(read)
			require.ErrorIs(t, err, ErrUnusable)
			assert.ErrorContains(t, err, c.why)
			assert.ErrorContains(t, err, "https://iam.example.org")
			assert.Equal(t, Token{}, token)
			assert.NotContains(t, err.Error(), subject)
		})
	}
}

func TestABodyThatIsNoAnswerIsRefused(t *testing.T) {
	const good = `{"access_token":"a","token_type":"Bearer","issued_token_type":"` + accessToken + `","expires_in":60}`
	for name, c := range map[string]struct{ media, body string }{
		"a page":        {"text/html", good},
		"a form":        {"application/x-www-form-urlencoded", good},
		"no media type": {"", good},
		"said twice":    {"application/json", `{"access_token":"a","access_token":"b","token_type":"Bearer","issued_token_type":"` + accessToken + `"}`},
		"two answers":   {"application/json", `{}{}`},
		"cut off":       {"application/json", `{"access_token":"a"`},
	} {
		i := newIssuer(t)
		i.answer = func(w http.ResponseWriter, _ *http.Request, _ url.Values) {
			w.Header().Set("Content-Type", c.media)
			_, _ = w.Write([]byte(c.body))
		}
		_, err := i.exchange(read)
		assert.ErrorIs(t, err, ErrUnusable, name)
	}
}

func TestWhatMayBeLess(t *testing.T) {
	i := newIssuer(t)
	wants := Want{Audience: "a", Scope: []string{"storage.read:/x", "storage.read:/y"}}
	i.give(func(_ url.Values, a members) { a["scope"] = "storage.read:/y"; a["access_token"] = "opaque" })
	token, err := i.exchange(wants)
	require.NoError(t, err)
	assert.Equal(t, []string{"storage.read:/y"}, token.Scope)

	wants.Scope = nil
	i.give(func(_ url.Values, a members) {
		a["scope"], a["access_token"] = "openid profile", jwt(members{"aud": []string{"a"}, "exp": noon.Add(time.Hour).Unix()})
		delete(a, "expires_in")
	})
	token, err = i.exchange(wants)
	require.NoError(t, err, "nothing was asked for, so that the issuer decides")
	assert.Equal(t, noon.Add(time.Hour), token.Expires.UTC())

	wants.Audience, wants.Resource = "", "https://b.example.org"
	i.give(func(form url.Values, a members) {
		assert.Equal(t, "https://b.example.org", form.Get("resource"))
		a["access_token"] = "opaque"
		delete(a, "expires_in")
	})
	token, err = i.exchange(wants)
	require.NoError(t, err)
	assert.Equal(t, noon.Add(unsaid), token.Expires)
}

func TestARefusalSaysWhoWhyAndWhatToDo(t *testing.T) {
	for code, advice := range map[string]string{
		"invalid_client": "secretFile", "unauthorized_client": `client "node:1"`, "invalid_target": read.Audience,
		"invalid_scope": read.Scope[0], "invalid_grant": "log in again", "invalid_request": "log in again", "odd": "odd",
	} {
		i := newIssuer(t)
		i.refuse(http.StatusBadRequest, members{"error": code, "error_description": "no:\x1b[31m " + subject + subject + "\nand " + strings.Repeat("so on ", 100)})
		_, err := i.exchange(read)
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal)
		assert.ErrorContains(t, err, "issuer https://iam.example.org gives no token: "+code)
		assert.ErrorContains(t, err, advice)
		assert.NotContains(t, err.Error(), subject, "what the issuer repeats is not repeated")
		assert.NotContains(t, err.Error(), "\x1b")
		assert.Less(t, len(err.Error()), 600)
		assert.Equal(t, advice == "log in again", refusal.OfUser())
	}
	i := newIssuer(t)
	i.answer = func(w http.ResponseWriter, _ *http.Request, _ url.Values) { w.WriteHeader(http.StatusForbidden) }
	_, err := i.exchange(read)
	assert.ErrorContains(t, err, "403 Forbidden")
}

func TestAnIssuerThatIsDownOrBusyIsUnavailable(t *testing.T) {
	i := newIssuer(t)
	for _, status := range []int{500, 503, 429} {
		i.refuse(status, members{"error": "invalid_grant"})
		_, err := i.exchange(read)
		assert.ErrorIs(t, err, ErrUnavailable)
	}
	i.Close()
	_, err := i.exchange(read)
	assert.ErrorIs(t, err, ErrUnavailable)
	assert.NotContains(t, err.Error(), subject)
}

func TestAnIssuerThatDoesNotExchangeIsNotAsked(t *testing.T) {
	i := newIssuer(t)
	i.grants = []string{"authorization_code"}
	_, err := i.exchange(read)
	assert.ErrorIs(t, err, ErrNotOffered)
	offered, err := i.client.Offered(context.Background())
	assert.NoError(t, err)
	assert.False(t, offered)
	assert.Zero(t, i.asked.Load())
}

// Promise 8: the user's token goes to her issuer and nowhere else.
func TestPromise8TheUsersTokenFollowsNoRedirect(t *testing.T) {
	i := newIssuer(t)
	thief := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent elsewhere", r.Method, r.URL)
	}))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		i.answer = func(w http.ResponseWriter, r *http.Request, _ url.Values) { http.Redirect(w, r, thief.URL, status) }
		_, err := i.exchange(read)
		assert.Error(t, err)
		i.answer = func(w http.ResponseWriter, r *http.Request, _ url.Values) { http.Redirect(w, r, "/elsewhere", status) }
		_, err = i.exchange(read)
		assert.Error(t, err)
	}
	assert.EqualValues(t, 10, i.asked.Load(), "nor to another path")
}

func TestPromise8TheUsersTokenIsNotSentInClear(t *testing.T) {
	for _, at := range []string{"http://iam.example.org/token", "ftp://iam.example.org/token", "https://me:too@iam.example.org/token", "/token", "https://"} {
		c := New(Options{
			Issuer: "https://iam.example.org", Secret: func() (identity.Secret, error) { return identity.NewSecret("s"), nil },
			Endpoint: func(context.Context) (Endpoint, error) { return Endpoint{URL: at}, nil },
			HTTP: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				t.Errorf("%s was asked", at)
				return nil, errors.New("asked")
			})},
		})
		_, err := c.Exchange(context.Background(), identity.NewSecret(subject), read)
		assert.ErrorIs(t, err, ErrUnavailable)
		assert.ErrorContains(t, err, "token endpoint", at)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestASecretFileIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	find := SecretFile(path)
	_, err := find()
	assert.Error(t, err)
	require.NoError(t, os.WriteFile(path, []byte("one\n"), 0o600))
	got, err := find()
	require.NoError(t, err)
	assert.Equal(t, "one", got.Reveal())
	require.NoError(t, os.WriteFile(path, []byte("two"), 0o600))
	got, err = find()
	require.NoError(t, err)
	assert.Equal(t, "two", got.Reveal(), "it may be replaced")
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = find()
	assert.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(" \n"), 0o600))
	_, err = find()
	assert.ErrorContains(t, err, "no secret")

	i := newIssuer(t)
	i.client.Secret = find
	_, err = i.exchange(read)
	assert.ErrorIs(t, err, ErrUnavailable)
	assert.ErrorContains(t, err, "secretFile")
	assert.NotContains(t, err.Error(), path, "which users see")
}

// No body makes a token that is good for more than was asked.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"access_token":"` + jwt(members{"aud": "a", "scope": "r"}) + `","issued_token_type":"` + accessToken + `","token_type":"bearer","expires_in":60,"scope":"r"}`))
	f.Add([]byte(`{"access_token":"a.eyJhdWQiOlsiYSIsMV19.c","issued_token_type":"` + accessToken + `","token_type":"Bearer","refresh_token":"x"}`))
	f.Add([]byte(`{"error":"invalid_grant","error_description":"\u0000"}`))
	w := Want{Audience: "a", Scope: []string{"r"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := decode(http.Header{"Content-Type": {"application/json"}}, body)
		if err != nil {
			return
		}
		assert.NotContains(t, clean(a.ErrorDescription), "\x00")
		token, err := a.token(w, true, noon)
		if err != nil {
			assert.Equal(t, Token{}, token)
			return
		}
		assert.True(t, bearer(token.Access.Reveal()))
		assert.True(t, token.Expires.After(noon))
		assert.Subset(t, w.Scope, token.Scope)
		if said := claimsOf(token.Access.Reveal()); said.legible {
			assert.Subset(t, []string{"a"}, said.audience)
			assert.NotEmpty(t, said.audience)
		}
	})
}
