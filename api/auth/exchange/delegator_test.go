package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
)

// asserter vouches for callers by its own word.
type asserter struct{ asked int }

func (a *asserter) Authorize(_ context.Context, r *http.Request, _ identity.Caller, _ identity.NodeName) error {
	a.asked++
	r.Header.Set("Starling-Assertion", "mine")
	return nil
}

// errand is a request to another node on behalf of alice.
func errand(t *testing.T, d *Delegator, edit func(*identity.Caller)) (http.Header, error) {
	t.Helper()
	caller := identity.Caller{User: "alice", Token: identity.NewSecret(subject), Subject: identity.Subject{
		Issuer: "https://iam.example.org", Capabilities: []string{"openid", "compute.create", OfflineAccess},
	}}
	if edit != nil {
		edit(&caller)
	}
	r := httptest.NewRequest(http.MethodGet, "http://kth/peer/api/sessions", nil)
	err := d.Authorize(context.Background(), r, caller, "kth")
	assert.NotContains(t, fmt.Sprint(r.Header, err), subject, "her own token goes to nobody")
	return r.Header, err
}

func audiences(name identity.NodeName) (string, bool) {
	return "https://" + string(name) + ".example.org", name == "kth"
}

// Promise 8: a node asks another with a token for that node, of no more scope than
// the user's, and not with hers.
func TestPromise8ANodeAsksAnotherWithATokenForThatOneOnly(t *testing.T) {
	i := newIssuer(t)
	own := &asserter{}
	d := &Delegator{Issuers: map[string]*Client{"https://iam.example.org": i.client}, Audience: audiences, Otherwise: own}
	var asked url.Values
	i.give(func(form url.Values, _ members) { asked = form })
	header, err := errand(t, d, nil)
	require.NoError(t, err)
	assert.Equal(t, "https://kth.example.org", asked.Get("audience"))
	assert.Equal(t, "openid compute.create", asked.Get("scope"), "nor can the other renew it")
	assert.Regexp(t, "^Bearer .+", header.Get("Authorization"))
	assert.Empty(t, header.Get("Starling-Assertion"), "one or the other")
	assert.Zero(t, own.asked)
}

func TestWhereAnIssuerDoesNotExchangeTheNodesOwnWordHasToDo(t *testing.T) {
	unknown := func(c *identity.Caller) { c.Subject.Issuer = "https://else.example.org" }
	relayed := func(c *identity.Caller) { c.Token = identity.Secret{} }
	for name, c := range map[string]struct {
		edit  func(*identity.Caller)
		issue func(*issuer)
	}{
		"another issuer's":   {edit: unknown},
		"asked by a node":    {edit: relayed},
		"not offered":        {issue: func(i *issuer) { i.grants = []string{"refresh_token"} }},
		"unknown audience":   {issue: func(i *issuer) { i.refuse(400, members{"error": "invalid_target"}) }},
		"down":               {issue: func(i *issuer) { i.Close() }},
		"an unusable answer": {issue: func(i *issuer) { i.give(func(_ url.Values, a members) { a["token_type"] = "N_A" }) }},
	} {
		t.Run(name, func(t *testing.T) {
			i, own := newIssuer(t), &asserter{}
			if c.issue != nil {
				c.issue(i)
			}
			d := &Delegator{Issuers: map[string]*Client{"https://iam.example.org": i.client}, Audience: audiences, Otherwise: own}
			header, err := errand(t, d, c.edit)
			require.NoError(t, err)
			assert.Equal(t, 1, own.asked)
			assert.Empty(t, header.Get("Authorization"))

			d.Otherwise = nil // auth.delegation: exchange
			header, err = errand(t, d, c.edit)
			assert.Error(t, err)
			assert.Empty(t, header)
		})
	}
}

// Promise 8: nobody vouches for a user whom her issuer doesn't know any more.
func TestPromise8AUserWhoIsRefusedIsNotVouchedFor(t *testing.T) {
	for _, code := range []string{"invalid_grant", "invalid_request", "access_denied"} {
		i, own := newIssuer(t), &asserter{}
		i.refuse(http.StatusBadRequest, members{"error": code})
		d := &Delegator{Issuers: map[string]*Client{"https://iam.example.org": i.client}, Audience: audiences, Otherwise: own}
		_, err := errand(t, d, nil)
		refusal := new(Refusal)
		assert.True(t, errors.As(err, &refusal))
		assert.Zero(t, own.asked)
	}
}
