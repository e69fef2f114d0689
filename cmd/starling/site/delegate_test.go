package site

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/node/cluster"
	"starling/node/config"
)

// Promise 8: a node that says that it is somebody else gets no token for that one.
func TestPromise8NoNodeGetsATokenForAnother(t *testing.T) {
	members := []cluster.Member{
		{Name: "kth", URL: "https://kth.example.org"}, {Name: "one", URL: "https://same.example.org/"}, {Name: "two", URL: "https://SAME.example.org"},
		{Name: "plain", URL: "http://plain.example.org"}, {Name: "storm", URL: "https://storm.example.org:8443"}, {Name: "data", URL: "https://storm.example.org/ska"},
		{Name: "us", URL: "https://us.example.org"}, {Name: "silent"},
	}
	c := config.Config{
		URL: "https://us.example.org", Auth: config.Auth{Audience: []string{"https://us.example.org"}},
		DataTokens: []config.DataToken{{URL: "https://storm.example.org/ska/", Audience: "https://storm.example.org:8443"}},
	}
	url, ok := audienceOf(c, members, "kth")
	assert.True(t, ok)
	assert.Equal(t, "https://kth.example.org", url)
	for _, m := range members[1:] {
		_, ok := audienceOf(c, members, "nobody")
		assert.False(t, ok)
		_, ok = audienceOf(c, members, identity.NodeName(m.Name))
		assert.False(t, ok, m.Name)
	}
	c.Dev = true
	_, ok = audienceOf(c, members, "plain")
	assert.True(t, ok)
}

// Promise 8: with auth.delegation: exchange no node is believed by its word.
func TestPromise8AWordIsNotTakenWhereTokensAre(t *testing.T) {
	_, _, err := tokensOnly{}.Delegated(nil)
	assert.ErrorIs(t, err, delegation.ErrRefused)
}
