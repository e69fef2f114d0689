package auth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"starling/api/auth/jwks"
	"starling/api/auth/oidc"
	"starling/federation/identity"
)

// Errors of Verify. The text of errors that wrap them can be shown to the sender.
var (
	// ErrBadToken says that a token was sent and is not to be believed.
	ErrBadToken = errors.New("the token is not valid")
	// ErrUnavailable says that nobody can tell now: the keys of its issuer have
	// never been seen.
	ErrUnavailable = errors.New("the token can't be checked now")
)

// maxToken bounds a token before anything of it is looked at, in bytes.
const maxToken = 8 << 10

// Keys are an issuer's, as they are now.
type Keys interface {
	// Key returns the key that verifies the algorithm's signatures under the id;
	// no id means the only one there is. It may wait a little for a key that has
	// just been published, and never for one that is known. The error wraps
	// jwks.ErrNoKey, jwks.ErrAmbiguous or oidc.ErrUnreachable.
	Key(ctx context.Context, algorithm, id string) (crypto.PublicKey, error)
	// Generation is another whenever the keys are.
	Generation() uint64
}

// Trusted is an issuer whose word a Verifier takes.
type Trusted struct {
	// Name is what its tokens have in iss, exactly.
	Name string
	// Audiences are whom its tokens must be for, any of them.
	Audiences []string
	Keys      Keys
	// Groups are the claims with groups; none: the usual ones.
	Groups []string
	// Development issuers' tokens may claim roles and a proposal.
	Development bool
}

func (t Trusted) groupClaims() []string {
	if len(t.Groups) > 0 {
		return t.Groups
	}
	return groupClaims()
}

// A Verifier reads tokens of the issuers that it trusts. It is safe for
// concurrent use.
type Verifier struct {
	issuers map[string]issuer
	now     func() time.Time
	seen    *seen
}

// issuer is one that is trusted, and what its tokens' times and audience are held
// to.
type issuer struct {
	Trusted
	validator *jwt.Validator
}

// NewVerifier returns a verifier. leeway is how far the clocks of issuers and
// node may differ, at most a minute.
func NewVerifier(now func() time.Time, leeway time.Duration, trusted ...Trusted) *Verifier {
	v := &Verifier{issuers: make(map[string]issuer, len(trusted)), now: now, seen: newSeen()}
	for _, t := range trusted {
		v.issuers[t.Name] = issuer{t, jwt.NewValidator(
			jwt.WithIssuer(t.Name),
			jwt.WithAudience(t.Audiences...),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(min(leeway, time.Minute)),
			jwt.WithTimeFunc(now),
		)}
	}
	return v
}

// Verify returns whom the token's issuer says that its bearer is. The error wraps
// ErrBadToken or ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, text string) (identity.Subject, error) {
	if len(text) > maxToken {
		return identity.Subject{}, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrBadToken, len(text), maxToken)
	}
	if subject, ok := v.seen.find(text, v.now(), v.generation); ok {
		return subject, nil
	}
	t, err := read(text)
	if err != nil {
		return identity.Subject{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	of, known := v.issuers[t.claims.Issuer]
	if !known {
		return identity.Subject{}, fmt.Errorf("%w: its issuer is not known here", ErrBadToken)
	}
	// What is remembered counts until the keys are others than they were now.
	generation := of.Keys.Generation()
	if err := t.verify(ctx, of.Keys); err != nil {
		return identity.Subject{}, err
	}
	if err := of.validator.Validate(t.claims); err != nil {
		return identity.Subject{}, fmt.Errorf("%w: %s", ErrBadToken, reason(err))
	}
	subject, err := t.claims.subject(of.Trusted)
	if err != nil {
		return identity.Subject{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	v.seen.add(text, subject, generation)
	return subject, nil
}

// generation is that of an issuer's keys.
func (v *Verifier) generation(issuer string) uint64 { return v.issuers[issuer].Keys.Generation() }

// token is one that has been read, and not yet been believed.
type token struct {
	algorithm, key string
	signed         string // what the signature is of
	signature      []byte
	claims         claims
}

// header is what is read of a token's. Where it says to fetch a key from
// somewhere, or brings one along (jku, jwk, x5u, x5c), that isn't read at all.
type header struct {
	Algorithm string         `json:"alg"`
	Type      string         `json:"typ"`
	Key       string         `json:"kid"`
	Critical  jsontext.Value `json:"crit"`
}

// read takes a token apart.
func read(text string) (token, error) {
	malformed := errors.New("it is malformed")
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return token{}, malformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		var ok bool
		if decoded[i], ok = decode(part); !ok {
			return token{}, malformed
		}
	}
	var h header
	t := token{signed: text[:len(parts[0])+1+len(parts[1])], signature: decoded[2]}
	if json.Unmarshal(decoded[0], &h) != nil || json.Unmarshal(decoded[1], &t.claims) != nil {
		return token{}, malformed
	}
	switch {
	case !ofUse(h.Type):
		return token{}, errors.New("it is a token of another kind (typ)")
	case h.Critical != nil:
		return token{}, errors.New("it wants something understood (crit) that isn't")
	}
	t.algorithm, t.key = h.Algorithm, h.Key
	return t, nil
}

// ofUse reports whether tokens of a type are taken: those that say nothing, and
// access tokens (RFC 9068). Others that the same keys sign, as the notice of a
// logout is, are not.
func ofUse(kind string) bool {
	switch strings.TrimPrefix(strings.ToLower(kind), "application/") {
	case "", "jwt", "at+jwt":
		return true
	}
	return false
}

// verify checks the signature. The key is the issuer's for the algorithm that the
// token names, which is one of three; a key is never tried with another.
func (t token) verify(ctx context.Context, keys Keys) error {
	var method jwt.SigningMethod
	switch t.algorithm {
	case jwks.RS256:
		method = jwt.SigningMethodRS256
	case jwks.ES256:
		method = jwt.SigningMethodES256
	case jwks.EdDSA:
		method = jwt.SigningMethodEdDSA
	default:
		return fmt.Errorf("%w: it is signed with none of RS256, ES256 and EdDSA", ErrBadToken)
	}
	key, err := keys.Key(ctx, t.algorithm, t.key)
	switch {
	case errors.Is(err, oidc.ErrUnreachable):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	if err := method.Verify(t.signed, t.signature, key); err != nil {
		return fmt.Errorf("%w: its signature does not verify", ErrBadToken)
	}
	return nil
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
	} {
		if errors.Is(err, known.is) {
			return known.text
		}
	}
	return "its claims are not acceptable"
}
