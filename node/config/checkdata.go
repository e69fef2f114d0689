package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// dataTokens reports what is wrong with storage that wants tokens.
func (k checker) dataTokens(c *Config) {
	for i, d := range c.DataTokens {
		key := fmt.Sprintf("dataTokens[%d]", i)
		k.want(storageURL(d.URL, c.Dev), key+".url",
			"%q is not the base of a storage, as https://storm.example.org:8443 is: https, without user, query and fragment%s", d.URL, httpAllowed(c.Dev))
		for j, other := range c.DataTokens[:i] {
			k.want(strings.TrimRight(other.URL, "/") != strings.TrimRight(d.URL, "/"), key+".url", "is that of dataTokens[%d] too", j)
		}
		at := slices.IndexFunc(c.Auth.Issuers, func(issuer Issuer) bool { return issuer.URL == d.Issuer })
		k.want(at >= 0, key+".issuer", "%q is not among auth.issuers", d.Issuer)
		k.want(at < 0 || c.Auth.Issuers[at].Exchange.ClientID != "", key+".issuer",
			"has no client to exchange tokens with; set auth.issuers[%d].exchange", at)
		k.want(d.Audience != "" && plainName(d.Audience, maxRuleArg), key+".audience", "must name the storage as its issuer knows it, in at most %d printing bytes", maxRuleArg)
		k.want(scopeWords(d.Scope), key+".scope", "%q is no scope, as storage.read:{path} is", d.Scope)
	}
}

// delegation reports what is wrong with how other nodes are asked.
func (k checker) delegation(a Auth) {
	clients := slices.ContainsFunc(a.Issuers, func(issuer Issuer) bool { return issuer.Exchange.ClientID != "" })
	k.want(a.Delegation != "exchange" || clients, "auth.delegation",
		"exchange needs an issuer at which this node has a client for that (auth.issuers, exchange)")
}

func storageURL(text string, dev bool) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?#") || u.RawPath != "" || !plainName(text, maxRuleArg) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && dev && loopback(net.JoinHostPort(u.Hostname(), "0"))
}

// scopeWords reports whether a text is words of a scope (RFC 6749, section 3.3).
func scopeWords(text string) bool {
	return strings.TrimSpace(text) != "" && len(text) <= maxRuleArg && !strings.ContainsFunc(text, func(r rune) bool {
		return r < 0x20 || r > 0x7e || r == '"' || r == '\\'
	})
}
