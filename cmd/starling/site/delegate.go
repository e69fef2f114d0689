package site

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"starling/api"
	"starling/api/auth/exchange"
	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/node/cluster"
	"starling/node/config"
)

// otherNodes are the nodes of a federation, and how this one says to them on whose
// behalf it asks (auth.delegation).
func otherNodes(c config.Config, all *cluster.Cluster, known trust) (api.Peers, api.Authorizer) {
	if c.Auth.Delegation == "assertion" || len(known.exchanges) == 0 {
		return all, all
	}
	d := &exchange.Delegator{
		Issuers: known.exchanges, Otherwise: all,
		Audience: func(node identity.NodeName) (string, bool) { return audienceOf(c, all.Members(), node) },
	}
	if c.Auth.Delegation == "auto" {
		return all, d
	}
	d.Otherwise = nil
	return tokensOnly{all}, d
}

// audienceOf is a node's audience: the URL that it gossips. It says that itself, so
// that one which is another's, or some storage's, is none: a token for that would be
// sent to this node.
func audienceOf(c config.Config, members []cluster.Member, node identity.NodeName) (string, bool) {
	var url string
	for _, m := range members {
		if m.Name == string(node) {
			url = m.URL
		}
	}
	if url == "" || !c.Dev && !strings.HasPrefix(url, "https://") {
		return "", false
	}
	taken := append([]string{c.URL}, c.Auth.Audience...)
	for _, d := range c.DataTokens {
		taken = append(taken, d.Audience, d.URL)
	}
	for _, m := range members {
		if m.Name != string(node) {
			taken = append(taken, m.URL)
		}
	}
	return url, !slices.ContainsFunc(taken, func(other string) bool {
		return strings.EqualFold(strings.TrimRight(other, "/"), strings.TrimRight(url, "/"))
	})
}

// tokensOnly are the other nodes for one that takes nobody's word but an issuer's.
type tokensOnly struct{ *cluster.Cluster }

// Delegated takes no node's own word.
func (tokensOnly) Delegated(*http.Request) (identity.Subject, []identity.NodeName, error) {
	return identity.Subject{}, nil, fmt.Errorf("%w: this node takes tokens for itself only (auth.delegation: exchange)", delegation.ErrRefused)
}
