package api

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithoutATokenOnlyTheOpenPathsAnswer(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.server.routes() {
		resp := w.do(call{method: r.method, path: template(r.path), stranger: true})
		if r.path == enterPath { // whose secret is all that it takes
			assert.Equal(t, http.StatusBadRequest, resp.StatusCode, r.path)
			continue
		}
		if openToAll(r.path) {
			assert.Equal(t, http.StatusOK, resp.StatusCode, r.path)
			continue
		}
		wantProblem(t, resp, http.StatusUnauthorized)
		assert.Equal(t, `Bearer realm="starling", resource_metadata="https://broker.example/.well-known/oauth-protected-resource"`,
			resp.Header.Get("WWW-Authenticate"), r.path)
	}
	wantProblem(t, w.do(call{path: "/no/such/path", stranger: true}), http.StatusUnauthorized)
}

func TestABadTokenIsNeverTheDevelopmentUser(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Authenticator, o.Dev = names{dev: true}, true })
	bad := call{path: "/sessions", host: "localhost", header: map[string]string{"Authorization": "Bearer bad"}}
	resp := w.do(bad)
	wantProblem(t, resp, http.StatusUnauthorized)
	assert.Contains(t, resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`)
	assert.Empty(t, w.broker.caller.User, "the broker was not asked")

	none := call{path: "/sessions", host: "localhost", stranger: true}
	require.Equal(t, http.StatusOK, w.do(none).StatusCode)
	assert.Equal(t, "dev", w.broker.caller.User)
}

// Promise 8: the role of a built-in executor comes from inside only.
func TestPromise8NobodyOutsideIsABuiltInExecutor(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.do(call{path: "/sessions", header: map[string]string{"Authorization": "Bearer impostor"}}), http.StatusUnauthorized)
}

// Promise 8: what the broker hides stays hidden, whichever way one asks.
func TestPromise8OthersSessionsAreNotThere(t *testing.T) {
	w := newWorld(t)
	w.broker.holder = "bob"
	for _, path := range []string{"", "/events", "/stdout", "/stderr?follow=true", "/files", "/files/m.fits"} {
		wantProblem(t, w.get(on(path)), http.StatusNotFound)
		assert.Equal(t, "alice", w.broker.caller.User)
	}
	wantProblem(t, w.post(on(""), acceptUpdate), http.StatusNotFound)
}

func TestMetricsAreForOperatorsAndAuditors(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.get("/metrics"), http.StatusForbidden)
	w = newWorld(t, func(o *Options) { o.Authenticator = names{dev: true} })
	w.get("/sessions")
	body := text(t, w.do(call{path: "/metrics", stranger: true}))
	assert.Contains(t, body, `starling_http_requests_total{method="GET",route="/sessions",status="200"} 1`)
	assert.Contains(t, body, "starling_http_request_seconds_bucket")
	assert.Contains(t, body, "starling_http_requests_in_flight 1")
}

// A page whose name resolves to loopback is still not this node's own host.
func TestADevelopmentNodeAnswersToItsOwnHostsOnly(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Authenticator, o.Dev, o.BaseURL = names{dev: true}, true, "http://workstation:7733"
	})
	for _, host := range []string{"localhost", "LOCALHOST:7733", "127.0.0.1:7733", "127.9.9.9", "[::1]:7733", "workstation:7733", "workstation"} {
		assert.Equal(t, http.StatusOK, w.do(call{path: "/sessions", host: host, stranger: true}).StatusCode, host)
	}
	for _, host := range []string{"evil.example", "evil.example:7733", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "[::1].evil"} {
		wantProblem(t, w.do(call{path: "/sessions", host: host, stranger: true}), http.StatusMisdirectedRequest)
	}
}

// Promise 8: nobody is charged what is not theirs.
func TestPromise8OnlyTheTokensOwnProposalIsCharged(t *testing.T) {
	ask := func(w *world, proposal string, stranger bool) *http.Response {
		return w.do(call{method: "POST", path: "/requests", body: sampleRequest, stranger: stranger, header: map[string]string{proposalHeader: proposal}})
	}
	w := newWorld(t)
	wantProblem(t, ask(w, "P1", false), http.StatusForbidden)
	assert.Nil(t, w.broker.asked)

	w = newWorld(t, func(o *Options) { o.Authenticator = names{dev: true} })
	assert.Equal(t, http.StatusSeeOther, ask(w, "P1", true).StatusCode, "an operator may name any")
	assert.Equal(t, "P1", w.broker.caller.Proposal)
	wantProblem(t, ask(w, "P\x001", true), http.StatusBadRequest)
	wantProblem(t, ask(w, strings.Repeat("p", 201), true), http.StatusBadRequest)
}

func TestAPageOfAnotherSiteChangesNothing(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Authenticator, o.Dev, o.BaseURL = names{dev: true}, true, "http://127.0.0.1:7733"
	})
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"a program":            {nil, http.StatusSeeOther},
		"our own page":         {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:7733"}, http.StatusSeeOther},
		"typed by the user":    {map[string]string{"Sec-Fetch-Site": "none"}, http.StatusSeeOther},
		"another site":         {map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"another local port":   {map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		"an old browser":       {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"a sandboxed document": {map[string]string{"Origin": "null"}, http.StatusForbidden},
	} {
		w.broker.asked = nil
		resp := w.do(call{method: "POST", path: "/requests", body: sampleRequest, host: "127.0.0.1:7733", header: c.header, stranger: true})
		assert.Equal(t, c.want, resp.StatusCode, name)
		assert.Equal(t, c.want == http.StatusSeeOther, w.broker.asked != nil, name)
	}
}

func TestForwardedHeadersCountFromConfiguredProxiesOnly(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} })
	forwarded := map[string]string{"X-Forwarded-Host": "public.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
	url := func(from string, header map[string]string) string {
		meta := object(t, w.do(call{path: on(""), from: from, header: header}))["meta"].(map[string]any)
		return meta["url"].(string)
	}
	assert.Equal(t, "https://public.example"+on(""), url("10.1.2.3:4", forwarded))
	assert.Contains(t, w.log.String(), "from=203.0.113.9")
	assert.Equal(t, testBase+on(""), url("10.2.2.3:4", forwarded))
	assert.Contains(t, w.log.String(), "from=10.2.2.3")
	forwarded["X-Forwarded-Host"] = `evil.example/x?"<`
	assert.Equal(t, testBase+on(""), url("10.1.2.3:4", forwarded))
}

// No Host header changes a URL.
func TestURLsBeginWithTheBaseWhateverHostIsAskedFor(t *testing.T) {
	w := newWorld(t)
	session := object(t, w.do(call{path: on(""), host: "evil.example"}))
	assert.Equal(t, testBase+on(""), session["meta"].(map[string]any)["url"])
	connectors := session["connectors"].([]any)
	assert.Equal(t, testBase+on("/stdout"), connectors[0].(map[string]any)["location"])
	assert.Equal(t, "https://elsewhere.example/x", connectors[1].(map[string]any)["location"], "another origin's URL stays")
}

func TestRoutingErrorsAreProblems(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.get("/no/such/path"), http.StatusNotFound)
	resp := w.do(call{method: http.MethodDelete, path: on("")})
	wantProblem(t, resp, http.StatusMethodNotAllowed)
	for _, method := range []string{"GET", "HEAD", "POST"} {
		assert.Contains(t, resp.Header.Get("Allow"), method)
	}
}

func TestHeadIsAnsweredWhereGetIs(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Authenticator = names{dev: true} })
	for _, s := range sampled {
		if s.op[:4] != "GET " || s.prepare != nil {
			continue
		}
		get := w.do(call{path: s.path, stranger: true})
		head := w.do(call{method: http.MethodHead, path: s.path, stranger: true})
		assert.Equal(t, get.StatusCode, head.StatusCode, s.path)
		assert.Equal(t, get.Header.Get("Content-Type"), head.Header.Get("Content-Type"), s.path)
		if s.path != metricsPath { // net/http drops that body, which a recorder keeps
			assert.Empty(t, text(t, head), s.path)
		}
	}
}

func TestOptionsWithoutBrokerOrBaseAreRefused(t *testing.T) {
	for _, o := range []Options{
		{}, {Broker: &fake{}, Authenticator: names{}}, {Broker: &fake{}, Authenticator: names{}, BaseURL: "ftp://x"},
		{Broker: &fake{}, Authenticator: names{}, BaseURL: "http://x?y"}, {Broker: &fake{}, BaseURL: "http://x"},
	} {
		_, err := New(o)
		assert.Error(t, err)
	}
}
