package delegation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/federation/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when everything here happens.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 500e6, time.UTC)

var alice = identity.Subject{
	Issuer: "https://iam.example", Name: "alice", Groups: []string{"/ska", "/ska/pulsars"}, Capabilities: []string{"compute.create"},
	Expires: noon.Add(time.Hour).Truncate(time.Second),
	Claims:  identity.Claims{Roles: []identity.Role{identity.RoleOperator}, Proposal: "P-7"},
}

const target = "/peer/api/sessions/1?follow=true"

func errand() Errand { return Errand{Subject: alice, Method: "GET", Target: target} }

// world is node a, which asks, and node b, which is asked.
type world struct {
	testing.TB
	key      crypto.Signer // of a
	now      time.Time
	signer   *Signer
	verifier *Verifier
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, key: p256(t), now: noon}
	federation := func() string { return "f" }
	w.signer = &Signer{Node: "a", Federation: federation, Key: func() crypto.Signer { return w.key }, Now: func() time.Time { return w.now }}
	w.verifier = NewVerifier("b", federation, func() time.Time { return w.now })
	return w
}

func p256(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func edwards(t testing.TB) crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key
}

// a is who asks, as the connection has proven.
func (w *world) a() Peer { return Peer{"a", w.key.Public()} }

func (w *world) sign(e Errand) string {
	w.Helper()
	assertion, err := w.signer.Sign(e, "b")
	require.NoError(w, err)
	return assertion
}

// verify checks an assertion that came with the usual request.
func (w *world) verify(assertion string) error {
	_, _, err := w.verifier.Verify(assertion, w.a(), "GET", target)
	return err
}

// says are the claims of a good assertion, to be spoilt.
func (w *world) says() *claims {
	return &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: "a", Audience: jwt.ClaimStrings{"b"}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(w.now), ExpiresAt: jwt.NewNumericDate(w.now.Add(lifetime)),
		},
		Federation: "f", Method: "GET", Target: digest(target), Via: []identity.NodeName{"a"}, Subject: onItsWay(alice),
	}
}

// forge signs whatever claims with whatever key.
func (w *world) forge(said jwt.Claims, method jwt.SigningMethod, key any, header map[string]any) string {
	w.Helper()
	token := jwt.NewWithClaims(method, said)
	token.Header["typ"] = kind
	for name, value := range header {
		token.Header[name] = value
	}
	assertion, err := token.SignedString(key)
	require.NoError(w, err)
	return assertion
}
