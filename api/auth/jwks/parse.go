package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What a set may have.
const (
	// MaxBytes bounds the document; the largest issuers' have some 20 KiB.
	MaxBytes = 256 << 10
	maxKeys  = 64
	maxID    = 256 // bytes of a kid
	// RSA keys: what is shorter can be broken, what is longer takes a node's time.
	minRSA = 2048 // bits
	maxRSA = 8192
)

// document is a key as it is published. Members of other kinds of keys, and
// certificates (x5c, x5u), aren't looked at.
type document struct {
	Type       string         `json:"kty"`
	ID         string         `json:"kid"`
	Use        string         `json:"use"`
	Operations []string       `json:"key_ops"`
	Algorithm  string         `json:"alg"`
	Curve      string         `json:"crv"`
	N          string         `json:"n"`
	E          string         `json:"e"`
	X          string         `json:"x"`
	Y          string         `json:"y"`
	Private    jsontext.Value `json:"d"`
}

// Parse reads a document. Keys that aren't to be used are passed over; skipped
// says why. An error means that it is no set at all.
func Parse(body []byte) (set Set, skipped []error, err error) {
	if len(body) > MaxBytes {
		return Set{}, nil, fmt.Errorf("a key set of %d bytes; at most %d are read", len(body), MaxBytes)
	}
	var published struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(body, &published); err != nil {
		return Set{}, nil, errors.New("no key set: not a JSON object with each member once, and a list of keys")
	}
	if published.Keys == nil {
		return Set{}, nil, errors.New("no key set: it has no member keys")
	}
	if n := len(*published.Keys); n > maxKeys {
		return Set{}, nil, fmt.Errorf("%d keys; at most %d are read", n, maxKeys)
	}
	var keys []Key
	for i, raw := range *published.Keys {
		key, err := parseKey(raw)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys = append(keys, key)
	}
	set, twins := Of(keys...)
	for _, twin := range twins {
		skipped = append(skipped, fmt.Errorf("two keys have the id %.40q; neither is used", twin.ID))
	}
	return set, skipped, nil
}

func parseKey(raw jsontext.Value) (Key, error) {
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return Key{}, errors.New("its members are not of the types that RFC 7517 has")
	}
	switch {
	case d.Private != nil:
		return Key{}, errors.New("its private half is published: whoever has seen it can sign")
	case d.Use != "" && d.Use != "sig", d.Operations != nil && !slices.Contains(d.Operations, "verify"):
		return Key{}, errors.New("it is not for signatures")
	case len(d.ID) > maxID:
		return Key{}, fmt.Errorf("its id has more than %d bytes", maxID)
	}
	key := Key{ID: d.ID}
	var err error
	switch {
	case d.Type == "RSA":
		key.Algorithm = RS256
		key.Public, err = d.rsa()
	case d.Type == "EC" && d.Curve == "P-256":
		key.Algorithm = ES256
		key.Public, err = d.ecdsa()
	case d.Type == "OKP" && d.Curve == "Ed25519":
		key.Algorithm = EdDSA
		key.Public, err = d.ed25519()
	default:
		return Key{}, fmt.Errorf("kind %.20q %.20q is none of RSA, EC P-256, OKP Ed25519", d.Type, d.Curve)
	}
	if err != nil {
		return Key{}, err
	}
	if d.Algorithm != "" && d.Algorithm != key.Algorithm {
		return Key{}, fmt.Errorf("it is for algorithm %.20q, not for %s", d.Algorithm, key.Algorithm)
	}
	return key, nil
}

func (d document) rsa() (PublicKey, error) {
	modulus, err := decode(d.N)
	if err != nil {
		return nil, err
	}
	exponent, err := decode(d.E)
	if err != nil {
		return nil, err
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if bits := n.BitLen(); bits < minRSA || bits > maxRSA {
		return nil, fmt.Errorf("an RSA key of %d bits; want %d to %d", bits, minRSA, maxRSA)
	}
	if e.BitLen() < 2 || e.BitLen() > 31 || e.Bit(0) == 0 || n.Bit(0) == 0 {
		return nil, errors.New("no RSA key: its numbers can't be")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func (d document) ecdsa() (PublicKey, error) {
	x, err := decode(d.X)
	if err != nil {
		return nil, err
	}
	y, err := decode(d.Y)
	if err != nil {
		return nil, err
	}
	if len(x) != 32 || len(y) != 32 {
		return nil, errors.New("no point of P-256: coordinates have 32 bytes")
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, errors.New("no point of P-256")
	}
	return key, nil
}

func (d document) ed25519() (PublicKey, error) {
	x, err := decode(d.X)
	if err != nil {
		return nil, err
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, errors.New("no Ed25519 key: it has 32 bytes")
	}
	return ed25519.PublicKey(x), nil
}

func decode(text string) ([]byte, error) {
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) == 0 {
		return nil, errors.New("a number is missing, or not base64url without padding")
	}
	return bytes, nil
}
