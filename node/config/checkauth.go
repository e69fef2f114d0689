package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// What names in rules may be, in bytes; a user's name is prefix and sub, and a
// sub has at most 255 (OpenID Connect Core, section 2).
const (
	maxPrefix  = 64
	maxRuleArg = 250
)

// auth reports what is wrong with whom the node believes, and with its rules.
func (k checker) auth(c *Config) {
	a := c.Auth
	k.delegation(a)
	k.dataTokens(c)
	for i, audience := range a.Audience {
		k.want(audience != "", "auth.audience", "entry %d is empty", i+1)
	}
	k.want(len(a.Issuers) == 0 || len(a.Roles) > 0, "auth.roles",
		`are needed with auth.issuers, or nobody may do anything; [{role: user, user: "*"}] lets in everybody`)
	known := map[string]bool{}
	for i, issuer := range a.Issuers {
		key := fmt.Sprintf("auth.issuers[%d]", i)
		k.want(!known[issuer.URL], key+".url", "%q is there twice", issuer.URL)
		known[issuer.URL] = true
		k.issuer(key, issuer, c.Dev)
		for j, other := range a.Issuers[:i] {
			k.apart(key, issuer, j, other)
		}
	}
	for i, rule := range a.Roles {
		k.role(fmt.Sprintf("auth.roles[%d]", i), rule, known)
	}
	for i, rule := range a.Proposals {
		key := fmt.Sprintf("auth.proposals[%d]", i)
		k.ofIssuer(key, rule.Issuer, known)
		k.want(rule.Proposal != "" || rule.Group.captures(), key+".proposal",
			"is missing: which proposal may members of %s have charged? Name it, or have %s stand in the group", rule.Group, placeholder)
		k.want(rule.Group.captures() || !strings.Contains(rule.Proposal, placeholder), key+".group",
			"has no %s, which the proposal's name is to be made of", placeholder)
		k.want(plainName(rule.Proposal, maxRuleArg), key+".proposal", "has more than %d bytes, or characters that don't print", maxRuleArg)
	}
}

// issuer checks one issuer by itself.
func (k checker) issuer(key string, issuer Issuer, dev bool) {
	k.want(issuerURL(issuer.URL, dev), key+".url",
		"%q is not the URL of an issuer, as https://iam.example.org/ is: https, without user, query and fragment%s", issuer.URL, httpAllowed(dev))
	k.want(plainName(issuer.Prefix, maxPrefix), key+".prefix", "has more than %d bytes, or characters that don't print", maxPrefix)
	for _, namespace := range issuer.Namespaces {
		k.want(strings.HasPrefix(namespace, "urn:") && !strings.HasSuffix(namespace, ":") && !strings.ContainsAny(namespace, "# ") &&
			!strings.Contains(namespace, ":group:"), key+".namespaces",
			"%q is no namespace of entitlements, as urn:geant:example.org is: what stands before :group:", namespace)
	}
	for _, claim := range issuer.Groups {
		k.want(claim != "" && plainName(claim, maxRuleArg), key+".groups", "%q is no name of a claim, as wlcg.groups is", claim)
	}
}

// apart wants two issuers' users to be told from each other: user names are
// prefix and sub, so that no prefix may begin another. Users of the one issuer
// without a prefix whose sub looks like another's are turned away one by one.
func (k checker) apart(key string, issuer Issuer, j int, other Issuer) {
	if issuer.Prefix == "" || other.Prefix == "" {
		k.want(issuer.Prefix != other.Prefix, key+".prefix",
			"is missing, as it is for auth.issuers[%d]: their users could not be told from each other", j)
		return
	}
	k.want(!strings.HasPrefix(issuer.Prefix, other.Prefix) && !strings.HasPrefix(other.Prefix, issuer.Prefix), key+".prefix",
		"%q and %q, of auth.issuers[%d], begin alike: their users could not be told from each other", issuer.Prefix, other.Prefix, j)
}

func (k checker) role(key string, rule RoleRule, known map[string]bool) {
	k.ofIssuer(key, rule.Issuer, known)
	said := 0
	for _, text := range []string{rule.Group, rule.Capability, rule.User} {
		if text != "" {
			said++
		}
		k.want(plainName(text, maxRuleArg), key, "names something of more than %d bytes, or with characters that don't print", maxRuleArg)
	}
	k.want(said == 1, key, "must name one of group, capability and user, and no more")
	k.want(rule.User != "*" || rule.Role == "user", key+".user",
		`"*" would make everybody %s; only role user can be everybody's`, rule.Role)
	k.want(!strings.Contains(rule.Group, "*"), key+".group", `%q: there are no stars for groups; user: "*" is everybody`, rule.Group)
	k.want(!strings.Contains(rule.Capability, " "), key+".capability", "%q is more than one word of a scope", rule.Capability)
}

func (k checker) ofIssuer(key, issuer string, known map[string]bool) {
	k.want(issuer == "" || known[issuer], key+".issuer", "%q is not among auth.issuers", issuer)
}

// issuerURL reports whether a text may name an issuer (OpenID Connect Discovery,
// section 3).
func issuerURL(text string, dev bool) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?#") || !plainName(text, maxRuleArg) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && dev && loopback(net.JoinHostPort(u.Hostname(), "0"))
}

func httpAllowed(dev bool) string {
	if dev {
		return "; on loopback http will do, with --dev"
	}
	return ""
}

// plainName reports whether a text fits into so many bytes and prints.
func plainName(text string, most int) bool {
	return len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
