package auth

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"starling/api/auth/jwks"
	"starling/federation/identity"
)

// Audience is whom development tokens are for.
const Audience = "starling"

// MaxLifetime bounds how long a development token may live.
const MaxLifetime = 90 * 24 * time.Hour

// issuerPrefix begins the names of development issuers; the rest is the
// fingerprint of the key, so that a name can't be claimed with another key.
const issuerPrefix = "urn:starling:development-issuer:"

// An Issuer signs tokens with the key of one data directory.
type Issuer struct {
	key ed25519.PrivateKey
}

// Grant is what a token is to say.
type Grant struct {
	User     string
	Groups   []string
	Roles    []identity.Role // none: user
	Proposal string          // empty: none
}

// granted is how a development token says it.
type granted struct {
	jwt.RegisteredClaims
	Groups   []string        `json:"groups,omitempty"`
	Roles    []identity.Role `json:"roles,omitempty"`
	Proposal string          `json:"proposal,omitempty"`
}

// LoadIssuer returns the issuer of a data directory, which must exist. The key
// is made (mode 0600) where there is none yet.
func LoadIssuer(dir string) (*Issuer, error) {
	key, err := loadKey(dir)
	if err != nil {
		return nil, fmt.Errorf("load the development issuer's key: %w", err)
	}
	return &Issuer{key: key}, nil
}

// Name is the issuer that tokens name.
func (i *Issuer) Name() string { return issuerName(i.Public()) }

// Public is the key with which tokens are verified.
func (i *Issuer) Public() ed25519.PublicKey { return i.key.Public().(ed25519.PublicKey) }

// Signer signs with the issuer's key: what a development node says to others.
func (i *Issuer) Signer() crypto.Signer { return i.key }

// Trusted is the issuer for the Verifier of its own node.
func (i *Issuer) Trusted() Trusted {
	return Trusted{Name: i.Name(), Audiences: []string{Audience}, Keys: ownKey(i.Public()), Development: true}
}

// ownKey is the one key that a development issuer has, for as long as it lives.
type ownKey ed25519.PublicKey

// Key implements Keys.
func (k ownKey) Key(_ context.Context, algorithm, id string) (crypto.PublicKey, error) {
	if algorithm != jwks.EdDSA || id != "" && id != fingerprint(ed25519.PublicKey(k)) {
		return nil, jwks.ErrNoKey
	}
	return ed25519.PublicKey(k), nil
}

// Generation implements Keys.
func (ownKey) Generation() uint64 { return 0 }

// Issue signs a token that is good from now on for the lifetime. It refuses
// what a Verifier would refuse.
func (i *Issuer) Issue(grant Grant, now time.Time, lifetime time.Duration) (string, error) {
	if lifetime <= 0 || lifetime > MaxLifetime {
		return "", fmt.Errorf("issue a token: lifetime %s is not between 0 and %s", lifetime, MaxLifetime)
	}
	subject := identity.Subject{
		Name: grant.User, Groups: grant.Groups, Claims: identity.Claims{Roles: grant.Roles, Proposal: grant.Proposal},
	}
	if err := checkSubject(subject); err != nil {
		return "", fmt.Errorf("issue a token: %w", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, granted{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    i.Name(),
			Subject:   grant.User,
			Audience:  jwt.ClaimStrings{Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
			ID:        rand.Text(),
		},
		Groups: grant.Groups, Roles: grant.Roles, Proposal: grant.Proposal,
	})
	token.Header["kid"] = fingerprint(i.Public())
	signed, err := token.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}

func issuerName(key ed25519.PublicKey) string { return issuerPrefix + fingerprint(key) }
