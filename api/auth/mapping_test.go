package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
	"starling/node/config"
)

const (
	iamURL   = "https://iam.example.org/"
	otherURL = "https://other.example.org"
)

// rules are those of a site.
func rules() config.Auth {
	return config.Auth{
		Payer: "personal",
		Issuers: []config.Issuer{
			{URL: iamURL, Namespaces: []string{"urn:geant:example.org"}},
			{URL: otherURL, Prefix: "other:"},
		},
		Roles: []config.RoleRule{
			{Role: "user", User: "*"},
			{Role: "operator", Group: "/srcnet/operators", Issuer: iamURL},
			{Role: "auditor", User: "other:carol"},
			{Role: "executor", Capability: "compute.modify"},
			{Role: "accountant", Group: "urn:geant:elsewhere.org:group:money#x"},
		},
		Proposals: []config.ProposalRule{
			{Group: "ska/proposals/{proposal}"},
			{Group: "ska/pulsars", Proposal: "P-7"},
			{Group: "{proposal}", Proposal: "OTHER-{proposal}", Issuer: otherURL},
		},
	}
}

func TestACallerIsWhatTheRulesMakeOfASubject(t *testing.T) {
	m := NewMapping(MappingOptions{Rules: rules()})
	user := []identity.Role{identity.RoleUser}
	for name, tt := range map[string]struct {
		subject identity.Subject
		want    identity.Caller
	}{
		"nobody in particular": {
			identity.Subject{Issuer: iamURL, Name: "alice"},
			identity.Caller{User: "alice", Roles: user},
		},
		"of another issuer": {
			identity.Subject{Issuer: otherURL, Name: "alice", Groups: []string{"a", "/srcnet/operators"}},
			identity.Caller{User: "other:alice", Groups: []string{"a", "srcnet/operators"}, Roles: user, Proposals: []string{"OTHER-a"}},
		},
		"an operator": {
			identity.Subject{Issuer: iamURL, Name: "olga", Groups: []string{"srcnet", "srcnet/operators", "/srcnet/operators"}},
			identity.Caller{User: "olga", Groups: []string{"srcnet", "srcnet/operators"}, Roles: []identity.Role{"user", "operator"}},
		},
		"no operator": {
			identity.Subject{Issuer: iamURL, Name: "olga", Groups: []string{"srcnet/operators/applicants", "operators", "srcnet//operators"}},
			identity.Caller{User: "olga", Groups: []string{"srcnet/operators/applicants", "operators", "srcnet//operators"}, Roles: user},
		},
		"by name": {
			identity.Subject{Issuer: otherURL, Name: "carol"},
			identity.Caller{User: "other:carol", Roles: []identity.Role{"user", "auditor"}},
		},
		"the same name elsewhere": {
			identity.Subject{Issuer: iamURL, Name: "carol"},
			identity.Caller{User: "carol", Roles: user},
		},
		"by capability": {
			identity.Subject{Issuer: iamURL, Name: "lab", Capabilities: []string{"openid", "compute.modify"}},
			identity.Caller{User: "lab", Roles: []identity.Role{"user", "executor"}},
		},
		"by entitlements": {
			identity.Subject{Issuer: iamURL, Name: "eve", Groups: []string{
				"urn:geant:example.org:group:ska:pulsars#iam", "urn:geant:elsewhere.org:group:srcnet:operators#iam", "urn:geant:elsewhere.org:group:money#x",
			}},
			identity.Caller{User: "eve", Groups: []string{
				"urn:geant:example.org:group:ska:pulsars#iam", "ska/pulsars",
				"urn:geant:elsewhere.org:group:srcnet:operators#iam", "urn:geant:elsewhere.org:group:money#x",
			}, Roles: []identity.Role{"user", "accountant"}, Proposals: []string{"P-7"}},
		},
		"on proposals": {
			identity.Subject{Issuer: iamURL, Name: "pia", Groups: []string{"/ska/proposals/A", "ska/proposals/B", "ska/proposals/C/pi", "/ska/pulsars", "ska/proposals/A"}},
			identity.Caller{User: "pia", Groups: []string{"ska/proposals/A", "ska/proposals/B", "ska/proposals/C/pi", "ska/pulsars"},
				Roles: user, Proposals: []string{"A", "B", "P-7"}},
		},
	} {
		tt.want.Subject = tt.subject
		got, err := m.Caller(tt.subject)
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, got, name)
	}
}

func TestPromise8UsersOfTwoIssuersAreNeverTakenForEachOther(t *testing.T) {
	m := NewMapping(MappingOptions{Rules: rules()})
	_, err := m.Caller(identity.Subject{Issuer: iamURL, Name: "other:carol"})
	assert.ErrorIs(t, err, ErrBadToken, "a name that is another's")
	_, err = m.Caller(identity.Subject{Issuer: iamURL, Name: "other:"})
	assert.ErrorIs(t, err, ErrBadToken)
	caller, err := m.Caller(identity.Subject{Issuer: iamURL, Name: "others"})
	require.NoError(t, err)
	assert.Equal(t, "others", caller.User)
}

// A subject may come from another node, which is believed in who somebody is and
// in nothing else.
func TestPromise8SubjectsThatAreNobodyHere(t *testing.T) {
	m := NewMapping(MappingOptions{Rules: rules(), Own: issuerPrefix + "ours"})
	for name, s := range map[string]identity.Subject{
		"an unknown issuer":         {Issuer: "https://evil.example.org", Name: "alice"},
		"no issuer":                 {Name: "alice"},
		"another development key":   {Issuer: issuerPrefix + "theirs", Name: "alice", Claims: identity.Claims{Roles: EveryRole()}},
		"nobody":                    {Issuer: iamURL},
		"two lines":                 {Issuer: iamURL, Name: "a\nb"},
		"endless":                   {Issuer: iamURL, Name: strings.Repeat("a", maxName+1)},
		"endless with the prefix":   {Issuer: otherURL, Name: strings.Repeat("a", maxName-3)},
		"too many groups":           {Issuer: iamURL, Name: "a", Groups: repeated("a", maxGroups+1)},
		"a group that rings":        {Issuer: iamURL, Name: "a", Groups: []string{"\a"}},
		"a built-in executor":       {Issuer: issuerPrefix + "ours", Name: "a", Claims: identity.Claims{Roles: []identity.Role{identity.RoleBuiltIn}}},
		"a role that is none":       {Issuer: issuerPrefix + "ours", Name: "a", Claims: identity.Claims{Roles: []identity.Role{"emperor"}}},
		"a proposal of two lines":   {Issuer: issuerPrefix + "ours", Name: "a", Claims: identity.Claims{Proposal: "a\nb"}},
		"capabilities without end":  {Issuer: iamURL, Name: "a", Capabilities: repeated("a", maxGroups+1)},
		"roles without end":         {Issuer: iamURL, Name: "a", Claims: identity.Claims{Roles: make([]identity.Role, 100)}},
		"an issuer but for a slash": {Issuer: strings.TrimSuffix(iamURL, "/"), Name: "alice"},
	} {
		caller, err := m.Caller(s)
		assert.ErrorIs(t, err, ErrBadToken, name)
		assert.Equal(t, identity.Caller{}, caller, name)
	}

	claims := identity.Claims{Roles: EveryRole(), Proposal: "P-1"}
	caller, err := m.Caller(identity.Subject{Issuer: iamURL, Name: "mallory", Claims: claims})
	require.NoError(t, err)
	assert.Equal(t, []identity.Role{identity.RoleUser}, caller.Roles, "claims of an issuer that is none for development")
	assert.Empty(t, caller.Proposal)
	assert.Empty(t, caller.Proposals)

	caller, err = m.Caller(identity.Subject{Issuer: issuerPrefix + "ours", Name: "olga", Claims: claims})
	require.NoError(t, err)
	assert.ElementsMatch(t, EveryRole(), caller.Roles)
	assert.Equal(t, "P-1", caller.Proposal)
	assert.Equal(t, []string{"P-1"}, caller.Proposals)

	_, err = NewMapping(MappingOptions{Rules: rules()}).Caller(identity.Subject{Issuer: issuerPrefix + "ours", Name: "olga"})
	assert.ErrorIs(t, err, ErrBadToken, "its own key, which doesn't count")
	_, err = NewMapping(MappingOptions{Rules: rules(), Dev: true}).Caller(identity.Subject{Issuer: issuerPrefix + "theirs", Name: "olga", Claims: claims})
	assert.NoError(t, err, "but in development")
}

func TestWhomNoRuleGivesARoleMayDoNothing(t *testing.T) {
	r := rules()
	r.Roles = r.Roles[1:]
	_, err := NewMapping(MappingOptions{Rules: r}).Caller(identity.Subject{Issuer: iamURL, Name: "alice"})
	assert.ErrorIs(t, err, ErrNoRole)
	r.Roles = nil
	_, err = NewMapping(MappingOptions{Rules: r}).Caller(identity.Subject{Issuer: iamURL, Name: "alice", Groups: []string{"srcnet/operators"}})
	assert.ErrorIs(t, err, ErrNoRole)
}

func TestWhoPaysWhereNobodyIsNamed(t *testing.T) {
	of := func(payer string, groups ...string) identity.Caller {
		r := rules()
		r.Payer = payer
		caller, err := NewMapping(MappingOptions{Rules: r}).Caller(identity.Subject{Issuer: iamURL, Name: "alice", Groups: groups})
		require.NoError(t, err)
		return caller
	}
	assert.Empty(t, of("personal", "ska/proposals/A").Proposal, "nobody is charged unasked")
	assert.Equal(t, "A", of("only", "ska/proposals/A").Proposal)
	assert.Empty(t, of("only", "ska/proposals/A", "ska/proposals/B").Proposal, "which of them?")
	assert.Empty(t, of("only").Proposal)
}

func TestProposalsAreBounded(t *testing.T) {
	r := rules()
	for _, c := range "abcdefgh" {
		r.Proposals = append(r.Proposals, config.ProposalRule{Group: "{proposal}", Proposal: string(c) + "{proposal}"})
	}
	r.Proposals = append(r.Proposals, config.ProposalRule{Group: "{proposal}", Proposal: strings.Repeat("x", 200) + "{proposal}"})
	groups := make([]string, maxGroups)
	for i := range groups {
		groups[i] = strings.Repeat("g", i%250+1)
	}
	caller, err := NewMapping(MappingOptions{Rules: r}).Caller(identity.Subject{Issuer: iamURL, Name: "alice", Groups: groups})
	require.NoError(t, err)
	assert.Len(t, caller.Proposals, maxProposals)
	for _, proposal := range caller.Proposals {
		assert.LessOrEqual(t, len(proposal), maxName)
	}
}

func TestTheDeveloperHasASubjectToo(t *testing.T) {
	m := NewMapping(MappingOptions{Own: issuerPrefix + "ours", Dev: true})
	caller, err := m.Caller(m.developer(noon))
	require.NoError(t, err)
	assert.Equal(t, issuerPrefix+"ours", caller.Subject.Issuer, "who travels to other nodes")
	assert.Equal(t, noon.Add(time.Hour), caller.Subject.Expires)
}

func TestEntitlementsNameGroups(t *testing.T) {
	const ours = "urn:geant:example.org"
	for text, want := range map[string]string{
		ours + ":group:ska#iam.example.org":                     "ska",
		ours + ":group:ska:pulsars#iam.example.org":             "ska/pulsars",
		ours + ":group:ska:pulsars":                             "ska/pulsars",
		ours + ":group:ska:pulsars:role=member#iam.example.org": "ska/pulsars",
		ours + ":group:ska:pulsars:role=lead#iam.example.org":   "ska/pulsars/role=lead",
		ours + ":group:big%20ska:pulsars#x":                     "big ska/pulsars",

		ours + ":group:":                            "",
		ours + ":group:#x":                          "",
		ours + ":group::pulsars#x":                  "",
		ours + ":group:ska:#x":                      "",
		ours + ":group:role=lead#x":                 "",
		ours + ":group:ska:role=":                   "",
		ours + ":group:ska:role=a:b#x":              "",
		ours + ":group:ska%2Fpulsars#x":             "",
		ours + ":group:ska:role%3Dlead#x":           "",
		ours + ":group:ska:role=a%2Fb#x":            "",
		ours + ":group:ska%0A#x":                    "",
		ours + ":group:ska%zz#x":                    "",
		ours + ":res:ska#x":                         "",
		ours + ".evil:group:ska#x":                  "",
		"urn:geant:evil.org:group:ska#x":            "",
		"x" + ours + ":group:ska#x":                 "",
		"urn:x:group:" + ours + ":group:ska#x":      "",
		"ska":                                       "",
		"":                                          "",
		ours + ":group:ska:role=role%3Dmember#x":    "",
		ours + ":group:" + strings.Repeat("a", 300): "",
	} {
		got, ok := entitlement(text, ours)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want != "", ok, text)
	}
}

// Whatever an entitlement says, what comes out is a group's name that prints, and
// of as many parts as it had.
func FuzzEntitlement(f *testing.F) {
	for _, seed := range []string{"ska:pulsars:role=lead#x", "a%20b:c", ":", "role=", "%2F", "a:role=b:c#d:e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		group, ok := entitlement("urn:x:group:"+text, "urn:x")
		if !ok {
			assert.Empty(t, group)
			return
		}
		before, _, _ := strings.Cut(text, "#")
		for part := range strings.SplitSeq(group, "/") {
			assert.NoError(t, name("part", part))
		}
		assert.LessOrEqual(t, strings.Count(group, "/"), strings.Count(before, ":"))
		assert.LessOrEqual(t, strings.Count(group, "role="), 1)
	})
}
