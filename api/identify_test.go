package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/auth"
	"starling/federation/identity"
)

// always is an authenticator that says the same of everybody.
type always struct {
	caller identity.Caller
	err    error
}

func (a always) Authenticate(*http.Request) (identity.Caller, error) { return a.caller, a.err }

func TestA401SaysHowToBeLetIn(t *testing.T) {
	const where = `Bearer realm="starling", resource_metadata="https://broker.example/.well-known/oauth-protected-resource"`
	w := newWorld(t)
	resp := w.do(call{path: "/sessions", stranger: true})
	wantProblem(t, resp, http.StatusUnauthorized)
	assert.Equal(t, where, resp.Header.Get("WWW-Authenticate"), "who sent nothing is told no error (RFC 6750)")

	w = newWorld(t, func(o *Options) { o.Authenticator = always{err: auth.ErrBadToken} })
	resp = w.get("/sessions")
	wantProblem(t, resp, http.StatusUnauthorized)
	assert.Equal(t, where+`, error="invalid_token", error_description="the token is not valid"`, resp.Header.Get("WWW-Authenticate"))

	w = newWorld(t, func(o *Options) { o.Authenticator = always{err: auth.ErrNoRole} })
	resp = w.get("/sessions")
	wantProblem(t, resp, http.StatusForbidden)
	assert.Contains(t, resp.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`)

	w = newWorld(t, func(o *Options) { o.Authenticator = always{err: auth.ErrUnavailable} })
	resp = w.get("/sessions")
	wantProblem(t, resp, http.StatusServiceUnavailable)
	assert.Equal(t, "30", resp.Header.Get("Retry-After"))
	assert.Empty(t, resp.Header.Get("WWW-Authenticate"), "the token may well be good")
}

// A description can't end its quotes, nor the header.
func TestNothingGetsOutOfAChallenge(t *testing.T) {
	hostile := "a\", error=\"x\\\r\nSet-Cookie: y\u202eé"
	w := newWorld(t, func(o *Options) { o.Authenticator = always{err: errorText(hostile)} })
	resp := w.get("/sessions")
	wantProblem(t, resp, http.StatusUnauthorized)
	assert.Contains(t, resp.Header.Get("WWW-Authenticate"), `error_description="a', error='x'''Set-Cookie: y''"`)
	assert.Empty(t, resp.Header.Get("Set-Cookie"))
}

type errorText string

func (e errorText) Error() string { return string(e) }

// Promise 8: nobody has a proposal charged that isn't theirs, nor learns of it.
func TestPromise8AProposalIsChargedByThoseWhoAreOnIt(t *testing.T) {
	user := identity.Caller{User: "pia", Roles: []identity.Role{identity.RoleUser}, Proposals: []string{"P-1", "P-2"}, Proposal: "P-1"}
	operator := user
	operator.Roles = append([]identity.Role{identity.RoleOperator}, user.Roles...)
	for name, tt := range map[string]struct {
		caller identity.Caller
		named  string
		status int
		pays   string
	}{
		"nobody named":         {user, "", http.StatusSeeOther, "P-1"},
		"the default":          {user, "P-1", http.StatusSeeOther, "P-1"},
		"another of one's own": {user, "P-2", http.StatusSeeOther, "P-2"},
		"somebody else's":      {user, "P-3", http.StatusForbidden, ""},
		"nearly one's own":     {user, "p-2", http.StatusForbidden, ""},
		"an operator, any":     {operator, "P-3", http.StatusSeeOther, "P-3"},
		"an operator, no name": {operator, "P-\u202e3", http.StatusBadRequest, ""},
		"a list":               {user, "P-1,P-2", http.StatusForbidden, ""},
	} {
		w := newWorld(t, func(o *Options) { o.Authenticator = always{caller: tt.caller} })
		resp := w.do(call{method: "POST", path: "/requests", body: sampleRequest, header: map[string]string{proposalHeader: tt.named}})
		assert.Equal(t, tt.status, resp.StatusCode, name)
		if tt.status == http.StatusSeeOther {
			assert.Equal(t, tt.pays, w.broker.caller.Proposal, name)
			continue
		}
		assert.Nil(t, w.broker.asked, name)
		detail := wantProblem(t, resp, tt.status)["detail"] // its request id may end in anything
		for _, other := range []string{"P-1", "P-2", "P-3"} {
			assert.NotContains(t, detail, other, name)
		}
	}
}

func TestWhoseTokensTheNodeTakesCanBeRead(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Issuers = []Issuer{
			{URL: "https://iam.example.org/", ClientID: "starling", Scopes: []string{"openid"}},
			{URL: "https://other.example.org"},
		}
	})
	resp := w.do(call{path: resourcePath, stranger: true})
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, map[string]any{
		"resource": testBase, "resource_name": "kth", "bearer_methods_supported": []any{"header"},
		"authorization_servers": []any{"https://iam.example.org/", "https://other.example.org"},
		"starling_login":        []any{map[string]any{"issuer": "https://iam.example.org/", "client_id": "starling", "scopes": []any{"openid"}}},
	}, object(t, resp))

	resp = newWorld(t).do(call{path: resourcePath, stranger: true})
	assert.Equal(t, map[string]any{"resource": testBase, "resource_name": "kth", "bearer_methods_supported": []any{"header"}}, object(t, resp))
}
