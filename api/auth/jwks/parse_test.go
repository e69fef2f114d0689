package jwks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type members map[string]any

// with is the members, some of them others; nil takes one away.
func (m members) with(pairs ...any) members {
	other := members{}
	for name, value := range m {
		other[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(other, pairs[i].(string))
			continue
		}
		other[pairs[i].(string)] = pairs[i+1]
	}
	return other
}

func number(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func rsaKey(t testing.TB, bits int) members {
	t.Helper()
	// A number will do that nobody has factors of: nothing is signed here.
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-1)))
	require.NoError(t, err)
	n.SetBit(n, bits-1, 1).SetBit(n, 0, 1)
	return members{"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": number(n.Bytes()), "e": "AQAB"}
}

func ecKey(t testing.TB, curve elliptic.Curve) members {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	half := len(point) / 2
	return members{"kty": "EC", "kid": "e", "crv": curve.Params().Name, "x": number(point[1 : 1+half]), "y": number(point[1+half:])}
}

func edKey(t testing.TB) members {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return members{"kty": "OKP", "kid": "o", "crv": "Ed25519", "alg": "EdDSA", "x": number(public)}
}

func parse(t testing.TB, keys ...members) (Set, []error) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"keys": keys})
	require.NoError(t, err)
	set, skipped, err := Parse(body)
	require.NoError(t, err)
	return set, skipped
}

func TestAKeyIsFoundByItsIDForItsOwnAlgorithmOnly(t *testing.T) {
	set, skipped := parse(t, rsaKey(t, 2048), ecKey(t, elliptic.P256()), edKey(t), edKey(t).with("kid", "o2"))
	require.Empty(t, skipped)
	assert.Equal(t, 4, set.Len())
	for algorithm, id := range map[string]string{RS256: "r", ES256: "e", EdDSA: "o"} {
		key, err := set.Find(algorithm, id)
		require.NoError(t, err)
		switch algorithm {
		case RS256:
			assert.IsType(t, &rsa.PublicKey{}, key)
		case ES256:
			assert.IsType(t, &ecdsa.PublicKey{}, key)
		default:
			assert.IsType(t, ed25519.PublicKey{}, key)
		}
		for _, other := range []string{RS256, ES256, EdDSA, "HS256", "none", ""} {
			if other != algorithm {
				_, err := set.Find(other, id)
				assert.ErrorIs(t, err, ErrNoKey, "%s with %s", id, other)
			}
		}
	}
	_, err := set.Find(RS256, "")
	assert.NoError(t, err, "the only one")
	_, err = set.Find(EdDSA, "")
	assert.ErrorIs(t, err, ErrAmbiguous, "there are two")
	_, err = set.Find(RS256, "unknown")
	assert.ErrorIs(t, err, ErrNoKey, "though there is but one")
	_, err = Set{}.Find(RS256, "")
	assert.ErrorIs(t, err, ErrNoKey)
}

// What could let somebody sign who shouldn't is passed over, key by key.
func TestKeysThatAreNotToBeUsed(t *testing.T) {
	good := edKey(t).with("kid", "good")
	for name, bad := range map[string]members{
		"symmetric":                {"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"},
		"weak RSA":                 rsaKey(t, 1024),
		"nearly weak RSA":          rsaKey(t, 2047),
		"endless RSA":              rsaKey(t, 8193),
		"RSA with exponent 1":      rsaKey(t, 2048).with("e", "AQ"),
		"RSA with exponent 2":      rsaKey(t, 2048).with("e", "Ag"),
		"RSA with a long exponent": rsaKey(t, 2048).with("e", "AQAAAAAAAAAB"),
		"RSA without a modulus":    rsaKey(t, 2048).with("n", nil),
		"RSA, padded":              rsaKey(t, 2048).with("e", "AQAB===="),
		"RSA for PS256":            rsaKey(t, 2048).with("alg", "PS256"),
		"RSA for HS256":            rsaKey(t, 2048).with("alg", "HS256"),
		"P-384":                    ecKey(t, elliptic.P384()),
		"P-384 called P-256":       ecKey(t, elliptic.P384()).with("crv", "P-256"),
		"P-256 called otherwise":   ecKey(t, elliptic.P256()).with("crv", "secp256k1"),
		"no point":                 ecKey(t, elliptic.P256()).with("x", number(make([]byte, 32))),
		"half a point":             ecKey(t, elliptic.P256()).with("y", nil),
		"a short Ed25519":          edKey(t).with("x", "AQAB"),
		"X25519":                   edKey(t).with("crv", "X25519"),
		"for encryption":           edKey(t).with("use", "enc"),
		"for signing only":         edKey(t).with("key_ops", []string{"sign"}),
		"its private half":         edKey(t).with("d", number(make([]byte, 32))),
		"an endless id":            edKey(t).with("kid", strings.Repeat("k", 300)),
		"a number for an id":       edKey(t).with("kid", 7),
		"nothing":                  {},
	} {
		set, skipped := parse(t, bad, good)
		assert.Len(t, skipped, 1, name)
		assert.Equal(t, 1, set.Len(), name)
		_, err := set.Find(EdDSA, "good")
		assert.NoError(t, err, name)
	}
}

func TestTwoKeysOfOneNameAreNone(t *testing.T) {
	one, other := edKey(t), edKey(t)
	set, skipped := parse(t, one, one)
	assert.Equal(t, 1, set.Len(), "the same twice is one")
	assert.Empty(t, skipped)
	for _, keys := range [][]members{{one, other}, {one, other, one}, {one, one, other}} {
		set, skipped = parse(t, keys...)
		assert.Zero(t, set.Len())
		assert.NotEmpty(t, skipped)
	}
	set, _ = parse(t, one.with("kid", "r"), rsaKey(t, 2048))
	assert.Equal(t, 2, set.Len(), "of two algorithms they can be told from each other")
}

func TestWhatIsNoKeySetIsAnError(t *testing.T) {
	many := make([]members, 10_000)
	for i := range many {
		many[i] = members{"kty": "oct"}
	}
	tooMany, err := json.Marshal(map[string]any{"keys": many[:maxKeys+1]})
	require.NoError(t, err)
	tenThousand, err := json.Marshal(map[string]any{"keys": many})
	require.NoError(t, err)
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "<html>", "a list": "[]", "null": "null", "no keys": "{}", "keys that are null": `{"keys":null}`,
		"keys that are none": `{"keys":{}}`, "keys twice": `{"keys":[],"keys":[]}`, "more behind": `{"keys":[]} {}`,
		"a member of a key twice": `{"keys":[{"kty":"oct","kty":"RSA"}]}`,
		"65 keys":                 string(tooMany), "10,000 keys": string(tenThousand),
		"too large": `{"keys":[]}` + strings.Repeat(" ", MaxBytes),
	} {
		_, _, err := Parse([]byte(body))
		assert.Error(t, err, name)
	}
	set, _, err := Parse([]byte(`{"keys":[],"more":1}`))
	require.NoError(t, err)
	assert.Zero(t, set.Len(), "an issuer may have withdrawn all of its keys")
}

func TestSetsAreComparedByTheirKeys(t *testing.T) {
	a, b := edKey(t), edKey(t).with("kid", "b")
	one, _ := parse(t, a, b)
	same, _ := parse(t, b, a)
	assert.True(t, one.Equal(same))
	fewer, _ := parse(t, a)
	assert.False(t, one.Equal(fewer))
	exchanged, _ := parse(t, edKey(t), b)
	assert.False(t, one.Equal(exchanged), "another key under the same name")
	assert.True(t, Set{}.Equal(Set{}))
}

// Whatever a server sends: what comes out are keys that are strong enough, no
// more than there may be, each found under its name.
func FuzzParse(f *testing.F) {
	for _, key := range []members{rsaKey(f, 2048), ecKey(f, elliptic.P256()), edKey(f), {"kty": "oct", "k": "AA"}} {
		body, err := json.Marshal(map[string]any{"keys": []members{key, key.with("kid", "2")}})
		require.NoError(f, err)
		f.Add(body)
	}
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AA","e":"AA"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		set, skipped, err := Parse(bytes.Clone(body))
		if err != nil {
			assert.Zero(t, set.Len())
			return
		}
		assert.LessOrEqual(t, set.Len(), maxKeys)
		for n, key := range set.keys {
			switch k := key.(type) {
			case *rsa.PublicKey:
				assert.Equal(t, RS256, n.algorithm)
				assert.GreaterOrEqual(t, k.N.BitLen(), minRSA)
			case *ecdsa.PublicKey:
				assert.Equal(t, ES256, n.algorithm)
				assert.Equal(t, elliptic.P256(), k.Curve)
			case ed25519.PublicKey:
				assert.Equal(t, EdDSA, n.algorithm)
				assert.Len(t, k, ed25519.PublicKeySize)
			default:
				t.Errorf("a key of type %T", key)
			}
		}
		_ = fmt.Sprint(skipped)
	})
}
