package auth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

// ErrBadToken says that a token was sent and is not to be believed. The text of
// an error that wraps it can be shown to the sender.
var ErrBadToken = errors.New("the token is not valid")

const (
	// maxToken bounds a token before anything of it is looked at, in bytes.
	maxToken = 8 << 10
	// leeway is how far the clocks of issuer and node may differ.
	leeway = 30 * time.Second
)

// A Verifier reads tokens of the issuers whose keys it holds. It is safe for
// concurrent use.
type Verifier struct {
	keys   map[string]ed25519.PublicKey // by the issuer's name
	parser *jwt.Parser
	now    func() time.Time
	seen   *seen
}

// NewVerifier returns a verifier of the development issuers with these keys.
func NewVerifier(now func() time.Time, keys ...ed25519.PublicKey) *Verifier {
	byName := make(map[string]ed25519.PublicKey, len(keys))
	for _, key := range keys {
		byName[issuerName(key)] = key
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(now),
	)
	return &Verifier{keys: byName, parser: parser, now: now, seen: newSeen()}
}

// Verify returns who the token's bearer is. Errors wrap ErrBadToken.
func (v *Verifier) Verify(token string) (identity.Caller, error) {
	if len(token) > maxToken {
		return identity.Caller{}, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrBadToken, len(token), maxToken)
	}
	if caller, ok := v.seen.find(token, v.now()); ok {
		return caller, nil
	}
	var claims Claims
	if _, err := v.parser.ParseWithClaims(token, &claims, v.keyOf); err != nil {
		return identity.Caller{}, fmt.Errorf("%w: %s", ErrBadToken, reason(err))
	}
	caller := claims.caller()
	v.seen.add(token, caller, claims.ExpiresAt.Time)
	return caller, nil
}

// keyOf chooses the key by the issuer that the token names; where the header
// says to fetch a key from somewhere, that is not read at all.
func (v *Verifier) keyOf(token *jwt.Token) (any, error) {
	issuer, err := token.Claims.GetIssuer()
	if err != nil {
		return nil, err
	}
	key, known := v.keys[issuer]
	if !known {
		return nil, errors.New("its issuer is not known here")
	}
	return key, nil
}

// reason says what is wrong without repeating what the token holds.
func reason(err error) string {
	for _, known := range []struct {
		is   error
		text string
	}{
		{jwt.ErrTokenExpired, "it has expired"},
		{jwt.ErrTokenUsedBeforeIssued, "it was issued in the future; compare the clocks"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet"},
		{jwt.ErrTokenInvalidAudience, "it is for another audience"},
		{jwt.ErrTokenRequiredClaimMissing, "a required claim is missing"},
		{jwt.ErrTokenSignatureInvalid, "its signature does not verify"},
		{jwt.ErrTokenUnverifiable, "its issuer is not known here"},
		{jwt.ErrTokenMalformed, "it is malformed"},
	} {
		if errors.Is(err, known.is) {
			return known.text
		}
	}
	return "its claims are not acceptable"
}
