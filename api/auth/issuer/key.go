package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is how a key signs (RFC 7518, RFC 8037).
type Algorithm string

// The algorithms.
const (
	EdDSA Algorithm = "EdDSA" // Ed25519
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256" // with 2048 bits
)

// Algorithms returns all of them.
func Algorithms() []Algorithm { return []Algorithm{EdDSA, ES256, RS256} }

// Validate returns nil for an algorithm that there is.
func (a Algorithm) Validate() error {
	if a.method() == nil {
		return fmt.Errorf("there is no algorithm %.20q: want EdDSA, ES256 or RS256", string(a))
	}
	return nil
}

func (a Algorithm) method() jwt.SigningMethod {
	switch a {
	case EdDSA:
		return jwt.SigningMethodEdDSA
	case ES256:
		return jwt.SigningMethodES256
	case RS256:
		return jwt.SigningMethodRS256
	}
	return nil
}

const rsaBits = 2048

func (a Algorithm) generate() (crypto.Signer, error) {
	switch a {
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, rsaBits)
}

// key is one of an issuer's keys.
type key struct {
	ID        string
	Algorithm Algorithm
	Made      time.Time
	Signs     time.Time // from when on, until another one does
	private   crypto.Signer
}

// newKey makes a key that signs from an instant on.
func newKey(algorithm Algorithm, now, signs time.Time) (*key, error) {
	private, err := algorithm.generate()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	k := &key{Algorithm: algorithm, Made: now.UTC(), Signs: signs.UTC(), private: private}
	k.ID = k.public().thumbprint()
	return k, nil
}

// storedKey is a key as it stands in the file.
type storedKey struct {
	ID        string    `json:"kid"`
	Algorithm Algorithm `json:"alg"`
	Made      time.Time `json:"made"`
	Signs     time.Time `json:"signs"`
	Private   []byte    `json:"pkcs8"`
}

// MarshalJSON implements json.Marshaler, for the file.
func (k *key) MarshalJSON() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, err
	}
	return json.Marshal(storedKey{k.ID, k.Algorithm, k.Made, k.Signs, der})
}

// UnmarshalJSON implements json.Unmarshaler.
func (k *key) UnmarshalJSON(text []byte) error {
	var s storedKey
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	if err := s.Algorithm.Validate(); err != nil {
		return err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(s.Private)
	if err != nil {
		return fmt.Errorf("key %.64q: %w", s.ID, err)
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return fmt.Errorf("key %.64q is a %T, which can't sign", s.ID, parsed)
	}
	*k = key{s.ID, s.Algorithm, s.Made, s.Signs, private}
	if k.public().Type == "" {
		return fmt.Errorf("key %.64q is a %T, and this program has no use for it", s.ID, parsed)
	}
	return nil
}

// publicKey is a key as strangers see it (RFC 7517). The members that make it up
// stand in the order of their names, as its thumbprint needs it.
type publicKey struct {
	Curve     string    `json:"crv,omitempty"`
	Exponent  string    `json:"e,omitempty"`
	Type      string    `json:"kty"`
	Modulus   string    `json:"n,omitempty"`
	X         string    `json:"x,omitempty"`
	Y         string    `json:"y,omitempty"`
	ID        string    `json:"kid,omitempty"`
	Use       string    `json:"use,omitempty"`
	Algorithm Algorithm `json:"alg,omitempty"`
}

// public returns the members that make up the public key.
func (k *key) public() publicKey {
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.private.Public().(type) {
	case ed25519.PublicKey:
		return publicKey{Type: "OKP", Curve: "Ed25519", X: encode(public)}
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, x, y
		if err != nil || public.Curve != elliptic.P256() {
			return publicKey{}
		}
		return publicKey{Type: "EC", Curve: "P-256", X: encode(point[1:33]), Y: encode(point[33:])}
	case *rsa.PublicKey:
		return publicKey{Type: "RSA", Modulus: encode(public.N.Bytes()), Exponent: encode(big.NewInt(int64(public.E)).Bytes())}
	}
	return publicKey{}
}

// thumbprint names a key by its content (RFC 7638).
func (p publicKey) thumbprint() string {
	text, _ := json.Marshal(p) // strings alone
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// published is the key as the issuer shows it.
func (k *key) published() publicKey {
	p := k.public()
	p.ID, p.Use, p.Algorithm = k.ID, "sig", k.Algorithm
	return p
}
