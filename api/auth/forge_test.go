package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"starling/api/auth/jwks"
	"starling/api/auth/oidc"
)

// here is for whom tokens of these tests are.
const here = "https://broker.example.org"

// iam is an issuer as its users' tokens show it, with one key of each kind.
type iam struct {
	t     testing.TB
	url   string
	keys  map[string]crypto.Signer // by algorithm; their ids are the same
	known *published
}

// published are the keys that a verifier knows of an issuer.
type published struct {
	set        jwks.Set
	generation uint64
	down       bool
}

func (p *published) Key(_ context.Context, algorithm, id string) (crypto.PublicKey, error) {
	if p.down {
		return nil, oidc.ErrUnreachable
	}
	return p.set.Find(algorithm, id)
}

func (p *published) Generation() uint64 { return p.generation }

func newIAM(t testing.TB, url string) *iam {
	t.Helper()
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	i := &iam{t: t, url: url, keys: map[string]crypto.Signer{jwks.RS256: weak, jwks.ES256: curve, jwks.EdDSA: edwards}}
	i.publish()
	return i
}

// publish has the verifier know the issuer's keys of now.
func (i *iam) publish() {
	var keys []jwks.Key
	for algorithm, key := range i.keys {
		keys = append(keys, jwks.Key{ID: algorithm, Algorithm: algorithm, Public: key.Public().(jwks.PublicKey)})
	}
	set, _ := jwks.Of(keys...)
	if i.known == nil {
		i.known = &published{}
	}
	i.known.set, i.known.generation = set, i.known.generation+1
}

func (i *iam) trusted() Trusted {
	return Trusted{Name: i.url, Audiences: []string{here}, Keys: i.known}
}

func (i *iam) verifier(others ...*iam) *Verifier {
	trusted := []Trusted{i.trusted()}
	for _, other := range others {
		trusted = append(trusted, other.trusted())
	}
	return NewVerifier(at(noon), leeway, trusted...)
}

// claimed are the claims of a good token, some of them others; nil takes one away.
func (i *iam) claimed(pairs ...any) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": i.url, "sub": "alice", "aud": here, "iat": noon.Unix(), "nbf": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
	for n := 0; n < len(pairs); n += 2 {
		if pairs[n+1] == nil {
			delete(c, pairs[n].(string))
			continue
		}
		c[pairs[n].(string)] = pairs[n+1]
	}
	return c
}

// sign signs claims with the issuer's key for an algorithm; more are members of
// the header.
func (i *iam) sign(algorithm string, c jwt.MapClaims, more ...any) string {
	i.t.Helper()
	return i.signWith(jwt.GetSigningMethod(algorithm), i.keys[algorithm], algorithm, c, more...)
}

func (i *iam) signWith(method jwt.SigningMethod, key any, kid string, c jwt.MapClaims, more ...any) string {
	i.t.Helper()
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = kid
	for n := 0; n < len(more); n += 2 {
		if more[n+1] == nil {
			delete(token.Header, more[n].(string))
			continue
		}
		token.Header[more[n].(string)] = more[n+1]
	}
	signed, err := token.SignedString(key)
	require.NoError(i.t, err)
	return signed
}

// signText signs a header and a payload as they are written.
func (i *iam) signText(header, payload string) string {
	i.t.Helper()
	text := encode(header) + "." + encode(payload)
	signature, err := jwt.SigningMethodEdDSA.Sign(text, i.keys[jwks.EdDSA])
	require.NoError(i.t, err)
	return text + "." + encode(string(signature))
}
