package credentials

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"

	"starling/federation/identity"
)

// version begins what is sealed.
const version = 1

var errSealed = errors.New("the tokens that were kept for the session can't be read: " + KeyFile + " is not the one that they were sealed with")

// seal encrypts what is kept of a session; it can be opened for that session
// only.
func seal(key [keyBytes]byte, session identity.UUID, plain []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	return gcm.Seal([]byte{version}, nil, plain, session[:]), nil
}

// open decrypts what was sealed for a session.
func open(key [keyBytes]byte, session identity.UUID, sealed []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) == 0 || sealed[0] != version {
		return nil, errSealed
	}
	plain, err := gcm.Open(nil, nil, sealed[1:], session[:])
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// newGCM makes AES-256-GCM that chooses its nonces at random and keeps them with
// what it seals: a node seals far fewer than the 2³² times for which that is good.
func newGCM(key [keyBytes]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
