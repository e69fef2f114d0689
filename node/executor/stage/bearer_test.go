package stage

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

// hunter is the token of these tests.
func hunter() Bearer {
	return Bearer{Token: identity.NewSecret("hunter2"), Expires: time.Now().Add(time.Hour)}
}

func TestATokenIsShownToTheServerOfTheLocation(t *testing.T) {
	got, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		whole(w, r)
	}, Request{URL: "/a.csv", Bearer: hunter()})
	require.NoError(t, err)
	assert.Equal(t, sum(table), got.SHA256)
}

// Promise 8: a redirect doesn't take a token along to another origin, not even of
// the same host, and it isn't shown again after a way round over one.
func TestPromise8ATokenFollowsNoRedirectToAnotherOrigin(t *testing.T) {
	var home string
	var seen []string
	note := func(r *http.Request) { seen = append(seen, r.URL.Path+" "+r.Header.Get("Authorization")) }
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home+"/last", http.StatusTemporaryRedirect)
			return
		}
		whole(w, r)
	}))
	defer other.Close()
	for to, want := range map[string][]string{
		other.URL + "/theirs": {"/a.csv Bearer hunter2", "/theirs "},
		strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/theirs": {"/a.csv Bearer hunter2", "/theirs "},
		"/ours":             {"/a.csv Bearer hunter2", "/ours Bearer hunter2"},
		other.URL + "/back": {"/a.csv Bearer hunter2", "/back ", "/last "},
	} {
		seen = nil
		_, err := fetch(t, func(w http.ResponseWriter, r *http.Request) {
			note(r)
			home = "http://" + r.Host
			if r.URL.Path == "/a.csv" {
				http.Redirect(w, r, to, http.StatusFound)
				return
			}
			whole(w, r)
		}, Request{URL: "/a.csv", Bearer: hunter()})
		require.NoError(t, err, to)
		assert.Equal(t, want, seen, to)
	}
}

// Promise 8: nobody on the way reads a token.
func TestPromise8ATokenIsNotSentInClear(t *testing.T) {
	for location, clear := range map[string]bool{
		"https://storm.example.org/a": false, "http://127.0.0.1:8080/a": false, "http://[::1]/a": false, "http://localhost/a": false,
		"http://storm.example.org/a": true, "http://127.0.0.1.example.org/a": true, "http://10.0.0.1/a": true,
	} {
		u, err := url.Parse(location)
		require.NoError(t, err)
		r := &http.Request{URL: u, Header: http.Header{}}
		err = hunter().show(r)
		assert.Equal(t, clear, err != nil, location)
		assert.Equal(t, clear, r.Header.Get("Authorization") == "", location)
	}
	s := New(Options{})
	defer s.Close()
	_, err := s.Fetch(t.Context(), Request{URL: "http://storm.example.org/a?sig=x", Dir: t.TempDir(), Bearer: hunter()})
	assert.ErrorContains(t, err, "in clear")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.False(t, Retryable(err))
}

func TestATokenThatIsNotTakenIsExplained(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		_, err := fetch(t, refuse, Request{URL: "/a", Bearer: hunter()})
		assert.ErrorContains(t, err, "doesn't take the token")
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotErrorIs(t, err, ErrExpired)
		_, err = fetch(t, refuse, Request{URL: "/a"})
		assert.ErrorContains(t, err, "no credentials")
		over := hunter()
		over.Expires = time.Now().Add(-time.Second)
		_, err = fetch(t, refuse, Request{URL: "/a", Bearer: over})
		assert.ErrorIs(t, err, ErrExpired)
		assert.False(t, Retryable(err), "not with the same token")
	}
}
