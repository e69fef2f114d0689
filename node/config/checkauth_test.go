package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASiteSaysWhomItBelievesAndWhatFollows(t *testing.T) {
	c, err := load(t, `
url: https://broker.example.org/
auth:
  leeway: 10s
  payer: only
  issuers:
    - url: https://iam.example.org/
      login: {clientID: starling}
      exchange: {clientID: uksrc, secretFile: /etc/starling/exchange}
      namespaces: [urn:geant:example.org]
    - {url: https://other.example.org, prefix: "other:", ca: /etc/other.pem, allowPrivate: true, groups: [roles]}
  roles:
    - {role: user, user: "*"}
    - {role: operator, group: /srcnet/operators, issuer: https://iam.example.org/}
    - {role: executor, capability: compute.modify}
  proposals:
    - {group: "/ska/proposals/{proposal}"}
    - {group: ska/pulsars, proposal: P-7}
`, nil)
	require.NoError(t, err)
	assert.Equal(t, Auth{
		Audience: []string{"https://broker.example.org"}, Leeway: 10 * time.Second, Payer: "only", Delegation: "auto",
		Issuers: []Issuer{
			{URL: "https://iam.example.org/", Login: Login{ClientID: "starling"}, Namespaces: []string{"urn:geant:example.org"},
				Exchange: Exchange{ClientID: "uksrc", SecretFile: "/etc/starling/exchange"}},
			{URL: "https://other.example.org", Prefix: "other:", CA: "/etc/other.pem", AllowPrivate: true, Groups: []string{"roles"}},
		},
		Roles: []RoleRule{
			{Role: "user", User: "*"}, {Role: "operator", Group: "/srcnet/operators", Issuer: "https://iam.example.org/"},
			{Role: "executor", Capability: "compute.modify"},
		},
		Proposals: []ProposalRule{{Group: "ska/proposals/{proposal}"}, {Group: "ska/pulsars", Proposal: "P-7"}},
	}, c.Auth)

	c, err = load(t, "dev: true\nauth: {audience: [a, b], issuers: [{url: 'http://127.0.0.1:7780'}], roles: [{role: user, user: '*'}]}\n", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, c.Auth.Audience)
	assert.Equal(t, 30*time.Second, c.Auth.Leeway)
}

// Promise 8: what would let in the wrong ones, or mix them up, doesn't start.
func TestPromise8RulesThatLetInTheWrongOnesAreRefused(t *testing.T) {
	const one = `issuers: [{url: "https://a.org"}]`
	for name, tt := range map[string]struct{ auth, want string }{
		"issuers without rules":  {one, `auth.roles: are needed with auth.issuers, or nobody may do anything; [{role: user, user: "*"}] lets in everybody`},
		"plain http":             {`issuers: [{url: "http://127.0.0.1"}], ` + everybody, `auth.issuers[0].url: "http://127.0.0.1" is not the URL of an issuer, as https://iam.example.org/ is: https, without user, query and fragment`},
		"a query":                {`issuers: [{url: "https://a.org/?x"}], ` + everybody, `"https://a.org/?x" is not the URL`},
		"somebody's URL":         {`issuers: [{url: "https://u:p@a.org"}], ` + everybody, `is not the URL`},
		"an issuer twice":        {`issuers: [{url: "https://a.org"}, {url: "https://a.org", prefix: b}], ` + everybody, `auth.issuers[1].url: "https://a.org" is there twice`},
		"two without a prefix":   {`issuers: [{url: "https://a.org"}, {url: "https://b.org"}], ` + everybody, `auth.issuers[1].prefix: is missing, as it is for auth.issuers[0]: their users could not be told from each other`},
		"prefixes alike":         {`issuers: [{url: "https://a.org", prefix: "a"}, {url: "https://b.org", prefix: "a:"}], ` + everybody, `auth.issuers[1].prefix: "a:" and "a", of auth.issuers[0], begin alike`},
		"the same prefix":        {`issuers: [{url: "https://a.org", prefix: "a"}, {url: "https://b.org", prefix: "a"}], ` + everybody, `begin alike`},
		"a prefix of two lines":  {`issuers: [{url: "https://a.org", prefix: "a\nb"}], ` + everybody, `characters that don't print`},
		"half a client":          {`issuers: [{url: "https://a.org", exchange: {clientID: x}}], ` + everybody, `auth.issuers[0].exchange.secretFile: is missing`},
		"a client's misspelling": {`issuers: [{url: "https://a.org", login: {clientId: x}}], ` + everybody, `auth.issuers[0].login.clientId: unknown key; did you mean clientID?`},
		"a namespace with more":  {`issuers: [{url: "https://a.org", namespaces: ["urn:geant:a.org:group:ska"]}], ` + everybody, `is no namespace of entitlements`},
		"everybody an operator":  {one + `, roles: [{role: operator, user: "*"}]`, `auth.roles[0].user: "*" would make everybody operator; only role user can be everybody's`},
		"a role for nobody":      {one + `, roles: [{role: operator}]`, `auth.roles[0]: must name one of group, capability and user, and no more`},
		"a role for two":         {one + `, roles: [{role: user, group: a, user: b}]`, `must name one of group, capability and user`},
		"a role that is none":    {one + `, roles: [{role: built-in, group: a}]`, `"built-in" is unknown; it must be user, executor, operator, auditor or accountant`},
		"a star of groups":       {one + `, roles: [{role: operator, group: "ska/*"}]`, `there are no stars for groups`},
		"two words":              {one + `, roles: [{role: user, capability: "a b"}]`, `is more than one word of a scope`},
		"another issuer":         {one + `, roles: [{role: user, user: "*", issuer: "https://a.org/"}]`, `auth.roles[0].issuer: "https://a.org/" is not among auth.issuers`},
		"no proposal":            {one + `, ` + everybody + `, proposals: [{group: ska}]`, `auth.proposals[0].proposal: is missing: which proposal may members of ska have charged?`},
		"nothing to fill in":     {one + `, ` + everybody + `, proposals: [{group: ska, proposal: "{proposal}"}]`, `auth.proposals[0].group: has no {proposal}`},
		"two placeholders":       {one + `, ` + everybody + `, proposals: [{group: "{proposal}/{proposal}"}]`, `may hold {proposal} once`},
		"another placeholder":    {one + `, ` + everybody + `, proposals: [{group: "a/{name}"}]`, `no other braces or stars`},
		"no group":               {one + `, ` + everybody + `, proposals: [{group: "/"}]`, `is no group`},
		"clocks apart":           {`leeway: 2m`, `2m is out of bounds; it must be from 0s to 60s`},
		"no audience":            {`audience: [""]`, `auth.audience: entry 1 is empty`},
		"a payer that is none":   {`payer: anybody`, `it must be personal or only`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "auth: {"+tt.auth+"}\n", nil)
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.want)
			assert.LessOrEqual(t, strings.Count(err.Error(), "\n"), 1, "and little else is")
		})
	}
}

const everybody = `roles: [{role: user, user: "*"}]`

func TestAPatternStandsForOnePartOfAGroup(t *testing.T) {
	for _, tt := range []struct {
		pattern, proposal, group, want string
		ok                             bool
	}{
		{"ska/proposals/{proposal}", "", "ska/proposals/P-7", "P-7", true},
		{"/ska/proposals/{proposal}/", "", "ska/proposals/P-7", "P-7", true},
		{"ska/proposals/{proposal}", "", "ska/proposals", "", false},
		{"ska/proposals/{proposal}", "", "ska/proposals/", "", false},
		{"ska/proposals/{proposal}", "", "ska/proposals/P-7/pi", "", false},
		{"ska/proposals/{proposal}", "", "x/ska/proposals/P-7", "", false},
		{"ska/{proposal}-pi", "SKA-{proposal}", "ska/7-pi", "SKA-7", true},
		{"ska/{proposal}-pi", "", "ska/-pi", "", false},
		{"ska{proposal}ska", "", "ska", "", false},
		{"ska/pulsars", "P-7", "ska/pulsars", "P-7", true},
		{"ska/pulsars", "P-7", "ska/pulsars2", "", false},
	} {
		pattern, err := parseGroupPattern(tt.pattern)
		require.NoError(t, err)
		got, ok := ProposalRule{Group: pattern, Proposal: tt.proposal}.Of(tt.group)
		assert.Equal(t, tt.want, got, tt)
		assert.Equal(t, tt.ok, ok, tt)
	}
}
