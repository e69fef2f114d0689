package delegation

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"starling/federation/identity"
)

// ErrExpired says that whoever a request is made for has shown a token that ends
// now.
var ErrExpired = errors.New("the token has expired")

// A Signer makes a node's assertions. It is safe for concurrent use.
type Signer struct {
	Node       identity.NodeName
	Federation func() string // its id; called for each assertion
	// Key is the node's own: that of its certificate, or in development the one
	// that it gossips. It is called for each assertion, and must not block.
	Key func() crypto.Signer
	Now func() time.Time
}

// Sign makes an assertion for one request to a node. The error is ErrLoop,
// ErrExpired, or that the key isn't one to sign with.
func (s *Signer) Sign(e Errand, to identity.NodeName) (string, error) {
	via, err := onward(e.Via, s.Node, to)
	if err != nil {
		return "", err
	}
	key := s.Key()
	if key == nil {
		return "", fmt.Errorf("sign for %s: this node has no key to sign with", to)
	}
	method, err := methodOf(key.Public())
	if err != nil {
		return "", fmt.Errorf("sign for %s: %w", to, err)
	}
	now := s.Now()
	end := validUntil(now, e.Subject.Expires)
	if !now.Before(end) {
		return "", ErrExpired
	}
	if e.Subject.Expires.IsZero() { // who has no token needs none
		e.Subject.Expires = end
	}
	said := &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: string(s.Node), Audience: jwt.ClaimStrings{string(to)}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(end),
		},
		Federation: s.Federation(), Method: e.Method, Target: digest(e.Target), Via: via, Subject: onItsWay(e.Subject),
	}
	if err := said.Subject.check(); err != nil {
		return "", fmt.Errorf("sign for %s: %w", to, err)
	}
	token := jwt.NewWithClaims(method, said)
	token.Header["typ"] = kind
	assertion, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign for %s: %w", to, err)
	}
	if len(assertion) > maxAssertion {
		return "", fmt.Errorf("sign for %s: what the token says of its bearer takes %d bytes, and may take %d", to, len(assertion), maxAssertion)
	}
	return assertion, nil
}
