package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const exchanging = `
auth:
  issuers: [{url: "https://iam.example.org", exchange: {clientID: uksrc, secretFile: /etc/starling/iam.secret}}, {url: "https://b.org", prefix: "b:"}]
  roles: [{role: user, user: "*"}]
`

func TestASiteSaysWhichStorageWantsTokens(t *testing.T) {
	c, err := load(t, exchanging+`
dataTokens:
  - {url: "https://storm.example.org:8443/ska", issuer: "https://iam.example.org", audience: storm, scope: "storage.read:{path}"}
`, nil)
	require.NoError(t, err)
	assert.Equal(t, []DataToken{{URL: "https://storm.example.org:8443/ska", Issuer: "https://iam.example.org", Audience: "storm", Scope: "storage.read:{path}"}}, c.DataTokens)
	assert.Equal(t, "auto", c.Auth.Delegation)
}

// Promise 8: what would send a token to the wrong place, or one for everything,
// doesn't start.
func TestPromise8StorageThatCannotBeTrustedWithTokensIsRefused(t *testing.T) {
	const rest = `issuer: "https://iam.example.org", audience: a, scope: r`
	for what, want := range map[string]string{
		`{url: "http://storm.example.org", ` + rest + `}`:                                    "dataTokens[0].url: \"http://storm.example.org\" is not the base of a storage",
		`{url: "https://u:p@storm.example.org", ` + rest + `}`:                               "is not the base",
		`{url: "https://storm.example.org/?x", ` + rest + `}`:                                "is not the base",
		`{url: "https://s.org", ` + rest + `}, {url: "https://s.org/", ` + rest + `}`:        "dataTokens[1].url: is that of dataTokens[0] too",
		`{url: "https://s.org", issuer: "https://c.org", audience: a, scope: r}`:             `dataTokens[0].issuer: "https://c.org" is not among auth.issuers`,
		`{url: "https://s.org", issuer: "https://b.org", audience: a, scope: r}`:             "dataTokens[0].issuer: has no client to exchange tokens with; set auth.issuers[1].exchange",
		`{url: "https://s.org", issuer: "https://iam.example.org", audience: "", scope: r}`:  "dataTokens[0].audience: must name",
		`{url: "https://s.org", issuer: "https://iam.example.org", audience: a, scope: " "}`: "dataTokens[0].scope",
		`{url: "https://s.org", issuer: "https://iam.example.org", audience: a}`:             "dataTokens[0].scope: is missing",
	} {
		_, err := load(t, exchanging+"dataTokens: ["+what+"]\n", nil)
		assert.ErrorContains(t, err, want, what)
	}
	_, err := load(t, "auth: {delegation: exchange}\n", nil)
	assert.ErrorContains(t, err, "auth.delegation: exchange needs an issuer")
	_, err = load(t, "dev: true\n"+exchanging+`dataTokens: [{url: "http://127.0.0.1:9000", `+rest+"}]\n", nil)
	assert.NoError(t, err)
}
