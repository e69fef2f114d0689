// Package identity says who is who: the nodes of a federation, the UUIDs that
// carry the name of the node that owns them, and the callers on whose behalf
// anything is done.
//
// It is a leaf. Every room may use it, so that no room invents its own idea of
// an owner: a UUID names the node that answers for a thing, a Caller names the
// person or program that asks.
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// UUID identifies a session, offer set, executor or execution attempt. It is an
// RFC 9562 version 8 UUID: 48 bits of Unix milliseconds, then the version, 12
// bits of counter, the variant, 14 more bits of counter, and 48 bits of the
// owning node's Tag. UUIDs of one node sort by the time they were minted.
type UUID [16]byte

// ErrUUID says that a text is no UUID in the canonical 36-character form.
var ErrUUID = errors.New("not a UUID (want 36 characters: 8-4-4-4-12 hexadecimal digits)")

// ParseUUID reads the canonical form, either case. Any version is read, since
// clients send their own.
func ParseUUID(text string) (UUID, error) {
	var u UUID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return u, ErrUUID
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, ErrUUID
	}
	return u, nil
}

// String returns the canonical form in lower case.
func (u UUID) String() string {
	var text [36]byte
	hex.Encode(text[0:8], u[0:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:36], u[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// IsZero reports whether u is the nil UUID, which identifies nothing.
func (u UUID) IsZero() bool { return u == UUID{} }

// Milliseconds returns the Unix time in the UUID, in milliseconds.
func (u UUID) Milliseconds() int64 {
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return ms
}

// Owner returns the tag of the node that minted u.
func (u UUID) Owner() Tag { return Tag(u[10:16]) }

// MarshalText implements encoding.TextMarshaler with the canonical form.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *UUID) UnmarshalText(text []byte) error {
	parsed, err := ParseUUID(string(text))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}

// Tag is the part of a UUID that names its owner: the start of the SHA-256 of
// the node's name. Two nodes of one federation must not share a tag.
type Tag [6]byte

// NodeName is the name of a node, unique in its federation. It is a DNS label,
// so that it can stand in certificates, metrics and file names.
type NodeName string

// Tag returns the tag that UUIDs of the node carry.
func (n NodeName) Tag() Tag {
	sum := sha256.Sum256([]byte(n))
	return Tag(sum[:6])
}

// Validate returns nil for a DNS label: 1 to 63 lower-case letters, digits and
// inner hyphens.
func (n NodeName) Validate() error {
	if len(n) == 0 || len(n) > 63 {
		return fmt.Errorf("node name %q: want 1 to 63 characters", string(n))
	}
	for i, r := range []byte(n) {
		letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !letter && (r != '-' || i == 0 || i == len(n)-1) {
			return fmt.Errorf("node name %q: want lower-case letters, digits and inner hyphens", string(n))
		}
	}
	return nil
}
