package cluster

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
)

var alice = identity.Caller{
	User:    "alice",
	Subject: identity.Subject{Issuer: "https://iam.example", Name: "alice", Expires: time.Now().Add(time.Hour)},
}

// certified gives sites certificates of one CA.
func certified(t *testing.T, sites ...*site) {
	ca := certificatetest.New(t)
	for _, s := range sites {
		files := ca.Files(t, s.name)
		s.config.CA, s.config.Certificate, s.config.Key, s.key = files.CA, files.Certificate, files.Key, nil
	}
}

// believes answers on whose behalf it is asked, or why it doesn't believe that.
func (s *site) believes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject, via, err := s.cluster.Delegated(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, subject.Name+" by way of "+string(via[0])+" asks "+r.Method+" "+r.URL.String())
	})
}

// request is one to node b on behalf of alice.
func (s *site) request(path string) *http.Request {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://b"+APIPath+path, nil)
	require.NoError(s, err)
	require.NoError(s, s.cluster.Authorize(ctx, r, alice, "b"))
	return r
}

func (s *site) send(r *http.Request) (int, string) {
	answer, err := s.cluster.RoundTrip(r)
	require.NoError(s, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(s, err)
	return answer.StatusCode, strings.TrimSpace(string(text))
}

// Promise 8: one node asks another on behalf of its user, and of nobody else.
func TestPromise8ANodeAsksAnotherOnBehalfOfItsUser(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, ...*site){"certificates": certified, "development": func(*testing.T, ...*site) {}} {
		t.Run(name, func(t *testing.T) {
			a := newSite(t, "a")
			b := newSite(t, "b", a)
			prepare(t, a, b)
			a.up()
			b.up()
			status, text := a.send(a.request("/sessions/1"))
			assert.Equal(t, http.StatusServiceUnavailable, status, text)

			stop := b.cluster.ServeAPI(b.believes(), http.NotFoundHandler())
			a.eventually("b to know the key of a", func() bool {
				status, text = a.send(a.request("/sessions/1//../%2F?follow=true"))
				return status == http.StatusOK
			})
			assert.Equal(t, "alice by way of a asks GET /sessions/1//../%2F?follow=true", text)

			used := a.request("/sessions/1")
			status, _ = a.send(used)
			assert.Equal(t, http.StatusOK, status)
			status, text = a.send(used)
			assert.Equal(t, http.StatusUnauthorized, status)
			assert.Contains(t, text, "it was used before")

			bent := a.request("/sessions/1")
			bent.URL.Path = APIPath + "/sessions/2"
			_, text = a.send(bent)
			assert.Contains(t, text, "it is for another request")

			_, other, err := ed25519.GenerateKey(rand.Reader)
			require.NoError(t, err)
			own := a.cluster.signer
			a.cluster.signer = &delegation.Signer{Node: "a", Federation: a.cluster.Federation, Now: time.Now, Key: signs(other)}
			_, text = a.send(a.request("/sessions/1"))
			assert.Contains(t, text, "it is not signed with the key of the node")
			a.cluster.signer = own

			require.NoError(t, stop(t.Context()))
			status, _ = a.send(a.request("/sessions/1"))
			assert.Equal(t, http.StatusServiceUnavailable, status)
		})
	}
}

func signs(key ed25519.PrivateKey) func() crypto.Signer { return func() crypto.Signer { return key } }

func TestAUUIDNamesItsOwnerAmongTheNodes(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	for _, name := range []identity.NodeName{"a", "b"} {
		owner, known := a.cluster.Owner(name.Tag())
		assert.True(t, known)
		assert.Equal(t, name, owner)
	}
	_, known := a.cluster.Owner(identity.NodeName("c").Tag())
	assert.False(t, known)
	b.down()
	a.eventually("b to be dead", func() bool { return a.member("b").State != Alive })
	_, known = a.cluster.Owner(identity.NodeName("b").Tag())
	assert.True(t, known, "it is still one of them")
}

// A node that stops takes no more guests, and waits for those that are there.
func TestANodeThatStopsWaitsForItsGuests(t *testing.T) {
	c := &Cluster{}
	entered, leave := make(chan struct{}), make(chan struct{})
	stop := c.ServeAPI(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}), http.NotFoundHandler())
	visit := func() *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest("GET", APIPath+"/x", nil)
		c.guests.ServeHTTP(answer, r.WithContext(line.WithPeer(r.Context(), line.Peer{Node: "b"})))
		return answer
	}
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- visit() }()
	<-entered
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, stop(hurry), context.Canceled)
	assert.Equal(t, http.StatusServiceUnavailable, visit().Code)
	close(leave)
	require.NoError(t, stop(t.Context()))
	assert.Equal(t, http.StatusOK, (<-done).Code)
}

// Who belongs to no federation yet has no users to speak for.
func TestANewcomerGetsNothingOfTheAPI(t *testing.T) {
	c := &Cluster{}
	c.ServeAPI(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was let in") }), http.NotFoundHandler())
	for _, peer := range []line.Peer{{Node: "b", Newcomer: true}, {}} {
		answer := httptest.NewRecorder()
		r := httptest.NewRequest("GET", APIPath+"/x", nil)
		c.guests.ServeHTTP(answer, r.WithContext(line.WithPeer(r.Context(), peer)))
		assert.Equal(t, http.StatusForbidden, answer.Code)
	}
}
