package delegation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// methodOf is the one way to sign with a key. That the key decides, and not what
// an assertion says of itself, is what keeps a public key from being taken for a
// shared secret.
func methodOf(key crypto.PublicKey) (jwt.SigningMethod, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jwt.SigningMethodES256, nil
		}
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA, nil
	}
	return nil, fmt.Errorf("a key of type %T: nodes sign with ECDSA P-256 (as `starling keygen node` makes it) or Ed25519", key)
}
