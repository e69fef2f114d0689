package exchange

import (
	"slices"
	"strings"
	"time"

	"starling/federation/identity"
)

// OfflineAccess is the word of a scope that asks for a refresh token (OpenID
// Connect Core 1.0, section 11).
const OfflineAccess = "offline_access"

// Want is what a token is to be good for.
type Want struct {
	// Audience is who will be shown the token; Resource is the same as a URL, for
	// issuers that want it so (RFC 8707). One of them is set.
	Audience, Resource string
	// Scope are the words that it may have; it may come to have fewer. None asks
	// for what the issuer gives by itself.
	Scope []string
	// Offline asks for a refresh token beside it.
	Offline bool
}

// words is the scope as it is asked for.
func (w Want) words() []string {
	words := slices.Clone(w.Scope)
	if w.Offline && !slices.Contains(words, OfflineAccess) {
		words = append(words, OfflineAccess)
	}
	return words
}

// key tells wants apart.
func (w Want) key() string {
	scope := slices.Sorted(slices.Values(w.words()))
	return strings.Join([]string{w.Audience, w.Resource, strings.Join(slices.Compact(scope), " ")}, "\x00")
}

// Token is what an issuer gave.
type Token struct {
	Access  identity.Secret
	Refresh identity.Secret // zero: the issuer gave none
	Expires time.Time       // of the access token
	Scope   []string        // of the access token
}
