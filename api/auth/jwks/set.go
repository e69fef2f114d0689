// Package jwks reads the keys that an issuer of tokens publishes: JSON Web Key
// Sets (RFC 7517).
//
// What an issuer's server sends decides who is believed, so that this reads
// little: RSA keys from 2048 bits on for RS256, P-256 for ES256, Ed25519 for
// EdDSA, of bounded size and number. A key is good for its one algorithm, whatever
// a token says. Keys of other kinds are passed over, and so are those that can be
// taken for each other. The parsers of the larger libraries read certificates,
// symmetric and private keys too, of which none has a place here.
package jwks

import (
	"crypto"
	"errors"
	"maps"
)

// The algorithms that signatures are read with (RFC 7518, RFC 8037).
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// Errors of Find.
var (
	// ErrNoKey says that there is no key with that id for that algorithm.
	ErrNoKey = errors.New("its key is not among those that its issuer publishes")
	// ErrAmbiguous says that a token without key id could be meant for several.
	ErrAmbiguous = errors.New("it names no key (kid), and its issuer has several")
)

// name is what a key is found by.
type name struct{ algorithm, id string }

// Key is a public key and what it is called.
type Key struct {
	ID        string // kid; may be empty
	Algorithm string
	Public    PublicKey
}

// PublicKey is *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
type PublicKey interface {
	Equal(other crypto.PublicKey) bool
}

// Set is an issuer's keys. The zero Set has none.
type Set struct {
	keys map[name]PublicKey
}

// Of returns the set of these keys, without those that have one name and differ:
// nobody could say which of them is meant. These come back, too.
func Of(keys ...Key) (set Set, twins []Key) {
	set.keys = make(map[name]PublicKey, len(keys))
	ambiguous := map[name]bool{}
	for _, k := range keys {
		n := name{k.Algorithm, k.ID}
		if other, there := set.keys[n]; there && !other.Equal(k.Public) {
			ambiguous[n] = true
			twins = append(twins, k)
			continue
		}
		set.keys[n] = k.Public
	}
	for n := range ambiguous {
		delete(set.keys, n)
	}
	return set, twins
}

// Len is how many keys there are.
func (s Set) Len() int { return len(s.keys) }

// Find returns the key that verifies signatures of the algorithm under the id; no
// id means the only key of the algorithm. The error is ErrNoKey or ErrAmbiguous.
func (s Set) Find(algorithm, id string) (crypto.PublicKey, error) {
	if id != "" {
		if key, ok := s.keys[name{algorithm, id}]; ok {
			return key, nil
		}
		return nil, ErrNoKey
	}
	var only PublicKey
	for n, key := range s.keys {
		if n.algorithm != algorithm {
			continue
		}
		if only != nil {
			return nil, ErrAmbiguous
		}
		only = key
	}
	if only == nil {
		return nil, ErrNoKey
	}
	return only, nil
}

// Equal reports whether two sets have the same keys by the same names.
func (s Set) Equal(other Set) bool {
	return maps.EqualFunc(s.keys, other.keys, func(a, b PublicKey) bool { return a.Equal(b) })
}
