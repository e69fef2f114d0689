package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/node"
)

// Promise 8: through another node, everybody is who he is at this one, and nobody
// gets further than if he had come himself.
func TestPromise8ThroughAnotherNodeNobodyGetsFurther(t *testing.T) {
	asked, owner := pair(t)
	owner.broker.holder = "alice"
	for _, path := range []string{"", "/stdout", "/stderr", "/files", "/files/x", "/events"} {
		assert.Equal(t, http.StatusOK, asked.do(call{path: on(path), header: bearerOf("alice"), method: head(path)}).StatusCode, path)
		wantProblem(t, asked.do(call{path: on(path), header: bearerOf("bob")}), http.StatusNotFound)
		wantProblem(t, asked.do(call{path: on(path), stranger: true}), http.StatusUnauthorized)
	}
	wantProblem(t, asked.do(call{method: http.MethodPost, path: on(""), body: acceptUpdate, header: bearerOf("bob")}), http.StatusNotFound)
	wantProblem(t, asked.do(call{path: "/offersets/" + offersID.String(), header: bearerOf("bob")}), http.StatusNotFound)
}

func bearerOf(user string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + user}
}

// head is for what doesn't end by itself.
func head(path string) string {
	if path == "/events" {
		return http.MethodHead
	}
	return http.MethodGet
}

// Promise 8: roles are a site's own. An operator of one is nobody at another,
// whatever his token claims, until that site says so.
func TestPromise8AnOperatorOfOneSiteIsNobodyAtAnother(t *testing.T) {
	s := newSites(t)
	asked := s.node("jodrell", func(o *Options) { o.Authenticator, o.Mapping = subjects{names{dev: true}}, site{operator: "dev"} })
	owner := s.node("kth")
	owner.broker.holder = "alice"
	wantProblem(t, asked.do(call{path: on(""), stranger: true}), http.StatusNotFound)
	assert.Equal(t, []identity.Role{identity.RoleUser}, owner.asked().Roles)

	owner.server.Mapping = site{operator: "dev"}
	assert.Equal(t, http.StatusOK, asked.do(call{path: on(""), stranger: true}).StatusCode)
}

func TestWhoMayDoNothingAtTheOwnerIsToldSo(t *testing.T) {
	asked, owner := pair(t)
	p := wantProblem(t, asked.do(call{path: on(""), header: bearerOf("unknown")}), http.StatusForbidden)
	assert.Contains(t, p["detail"], "node kth does not take you: no rule gives you a role")
	assert.True(t, owner.untouched())
}

// Promise 8: who speaks for others has to prove that he may, each time.
func TestPromise8ANodeIsNotBelievedWithoutProof(t *testing.T) {
	s := newSites(t)
	owner := s.node("kth")
	jodrell := s.peersOf("jodrell")
	path := peerPath + on("")
	assertion := func(user string) string {
		signed, err := jodrell.Sign(delegation.Errand{Subject: subjectOf(user), Method: "GET", Target: path}, "kth")
		require.NoError(t, err)
		return signed
	}
	visit := func(peer line.Peer, header http.Header) *http.Response {
		r := httptest.NewRequest("GET", path, nil)
		r.Header = header
		answer := httptest.NewRecorder()
		http.StripPrefix(peerPath, owner.server.Peer()).ServeHTTP(answer, r.WithContext(line.WithPeer(r.Context(), peer)))
		return answer.Result()
	}
	member := line.Peer{Node: "jodrell"}
	for name, try := range map[string]struct {
		peer   line.Peer
		header http.Header
		status int
	}{
		"no proof":              {member, http.Header{}, http.StatusUnauthorized},
		"an empty one":          {member, http.Header{delegation.Header: {""}}, http.StatusUnauthorized},
		"two":                   {member, http.Header{delegation.Header: {assertion("alice"), assertion("alice")}}, http.StatusUnauthorized},
		"one, and a token":      {member, http.Header{delegation.Header: {assertion("alice")}, "Authorization": {"Bearer alice"}}, http.StatusUnauthorized},
		"a bad token":           {member, http.Header{"Authorization": {"Bearer bad"}}, http.StatusForbidden},
		"two tokens":            {member, http.Header{"Authorization": {"Bearer alice", "Bearer alice"}}, http.StatusUnauthorized},
		"of another node":       {line.Peer{Node: "srcnet"}, http.Header{delegation.Header: {assertion("alice")}}, http.StatusUnauthorized},
		"of a newcomer":         {line.Peer{Node: "jodrell", Newcomer: true}, http.Header{delegation.Header: {assertion("alice")}}, http.StatusForbidden},
		"of nobody":             {line.Peer{}, http.Header{delegation.Header: {assertion("alice")}}, http.StatusForbidden},
		"a built-in executor's": {member, http.Header{delegation.Header: {assertion("impostor")}}, http.StatusForbidden},
		"by token, built in":    {member, http.Header{"Authorization": {"Bearer impostor"}}, http.StatusForbidden},
		"with a base of none":   {member, http.Header{delegation.Header: {assertion("alice")}, baseHeader: {"javascript:alert(1)"}}, http.StatusBadRequest},
	} {
		wantProblem(t, visit(try.peer, try.header), try.status)
		assert.True(t, owner.untouched(), name)
	}
	good := http.Header{delegation.Header: {assertion("alice")}}
	assert.Equal(t, http.StatusOK, visit(member, good).StatusCode)
	wantProblem(t, visit(member, good), http.StatusUnauthorized) // again
}

// In development an absent token is user dev's, but not where a node asks.
func TestPromise8ANodeIsNobodyItself(t *testing.T) {
	s := newSites(t)
	owner := s.node("kth", func(o *Options) { o.Dev, o.Authenticator = true, subjects{names{dev: true}} })
	jodrell := s.peersOf("jodrell")
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://kth"+peerPath+on(""), nil)
	require.NoError(t, err)
	resp, err := jodrell.RoundTrip(r)
	require.NoError(t, err)
	wantProblem(t, resp, http.StatusUnauthorized)
	assert.True(t, owner.untouched())
}

// An exchanged token does as well as an assertion.
func TestANodeMayAskWithATokenForThisOne(t *testing.T) {
	s := newSites(t)
	owner := s.node("kth")
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://kth"+peerPath+on(""), nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer alice")
	resp, err := s.peersOf("jodrell").RoundTrip(r)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, text(t, resp), `"url":"https://kth.example`, "it has said no base")
	assert.Equal(t, []identity.NodeName{"jodrell"}, owner.asked().Via)
}

// What nodes say to each other means nothing on the port for clients.
func TestPromise8AClientIsNoNode(t *testing.T) {
	s := newSites(t)
	owner := s.node("kth")
	assertion, err := s.peersOf("jodrell").Sign(delegation.Errand{Subject: subjectOf("alice"), Method: "GET", Target: on("")}, "kth")
	require.NoError(t, err)
	r := httptest.NewRequest("GET", on(""), nil)
	r.Header.Set(delegation.Header, assertion)
	r.Header.Set(baseHeader, "https://evil.example")
	answer := httptest.NewRecorder()
	owner.server.ServeHTTP(answer, r.WithContext(line.WithPeer(r.Context(), line.Peer{Node: "jodrell"})))
	wantProblem(t, answer.Result(), http.StatusUnauthorized)
	resp := owner.do(call{path: on(""), header: map[string]string{baseHeader: "https://evil.example"}})
	assert.NotContains(t, object(t, resp)["meta"].(map[string]any)["url"], "evil.example")
}

func TestABaseIsAURL(t *testing.T) {
	for _, good := range []string{"https://a.example", "http://127.0.0.1:7733", "https://a.example/starling", "http://[::1]:80"} {
		base, err := baseSaid([]string{good})
		require.NoError(t, err)
		assert.Equal(t, good, base)
	}
	for _, bad := range []string{
		"", "a.example", "ftp://a.example", "https://", "https://a.example/", "https://a.example?x", "https://a.example#x", "https://u:p@a.example",
		"https://a.example/<script>", "https://a.example/ x", "javascript:alert(1)", "https://a.example/" + strings.Repeat("x", 512), "//a.example",
	} {
		_, err := baseSaid([]string{bad})
		assert.Error(t, err, bad)
	}
	_, err := baseSaid([]string{"https://a.example", "https://a.example"})
	assert.Error(t, err)
}

// Promise 8: a token for data goes by way of another node only if nobody can read
// it on the way from there, either.
func TestPromise8TokensForDataArePassedOnOverPrivateLinesOnly(t *testing.T) {
	asked, _ := pair(t, func(o *Options) { o.Broker = tokened{o.Broker.(*fake)} })
	for from, private := range map[string]bool{"127.0.0.1:1": true, "192.0.2.1:1": false} {
		resp := asked.do(call{method: http.MethodPost, path: "/executors/" + workerID.String() + "/despatch", from: from, header: map[string]string{privateHeader: "1"}})
		require.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Equal(t, private, strings.Contains(text(t, resp), "hunter2"), from)
	}
}

// Another node says for which of its offer sets it asks, and by what policy.
func TestANodeAsksForAnOfferSetOfItsOwn(t *testing.T) {
	s := newSites(t)
	owner := s.node("kth")
	ask := func(set string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://kth"+peerPath+"/requests", strings.NewReader(sampleRequest))
		require.NoError(t, err)
		for name, value := range map[string]string{
			"Authorization": "Bearer alice", "Content-Type": "application/json", "Starling-Placement": "greenest", "Starling-Offer-Set": set,
		} {
			r.Header.Set(name, value)
		}
		resp, err := s.peersOf("jodrell").RoundTrip(r)
		require.NoError(t, err)
		return resp
	}
	require.Equal(t, http.StatusSeeOther, ask(offersID.String()).StatusCode)
	assert.Equal(t, node.Asking{Placement: "greenest", For: offersID}, owner.broker.how)
	wantProblem(t, ask("mine"), http.StatusBadRequest)
}
