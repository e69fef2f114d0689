package issuer

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The words of scopes that the issuer itself knows.
const (
	scopeOpenID  = "openid"         // an ID token, too
	scopeOffline = "offline_access" // a refresh token, too
)

// DefaultScopes are what anybody may ask for, unless Options say otherwise: the
// words of OpenID Connect, those of the WLCG profile (version 1.0), and its
// capabilities everywhere.
func DefaultScopes() []string {
	return []string{
		scopeOpenID, "profile", "email", scopeOffline, "wlcg", "wlcg.groups", "eduperson_entitlement",
		"storage.read:/", "storage.create:/", "storage.modify:/", "storage.stage:/",
		"compute.read", "compute.create", "compute.modify", "compute.cancel",
	}
}

// within returns nil where each word asked for is covered by one of those had.
func within(had, asked []string) error {
	for _, word := range asked {
		if !slices.ContainsFunc(had, func(h string) bool { return covers(h, word) }) {
			return fmt.Errorf("scope %.80q is more than there is to give", word)
		}
	}
	return nil
}

// covers reports whether a word grants what another one asks for: the same, or
// a path below its own (WLCG profile, "Capability-based Authorization").
func covers(had, asked string) bool {
	if had == asked {
		return true
	}
	name, above, _ := strings.Cut(had, ":")
	askedName, below, _ := strings.Cut(asked, ":")
	if name != askedName || !strings.HasPrefix(above, "/") || !strings.HasPrefix(below, "/") || path.Clean(below) != below {
		return false
	}
	return above == "/" || below == above || strings.HasPrefix(below, above+"/")
}

// words splits a scope (RFC 6749 section 3.3).
func words(scope string) []string {
	found := strings.Fields(scope)
	slices.Sort(found)
	return slices.Compact(found)
}

func checkScope(scope []string) error {
	if len(scope) > maxScopes {
		return fmt.Errorf("the scope has %d words; at most %d", len(scope), maxScopes)
	}
	for _, word := range scope {
		if word == "" || len(word) > maxScope || strings.ContainsFunc(word, func(r rune) bool {
			return r <= ' ' || r > '~' || r == '"' || r == '\\'
		}) {
			return fmt.Errorf("the scope's word %.40q is none: want 1 to %d characters of ASCII", word, maxScope)
		}
	}
	return nil
}

// without returns the words but one.
func without(scope []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return s == word })
}
