package membership

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Rekey exchanges the keys of gossip while it goes on: the first encrypts from now
// on, all of them decrypt. To exchange a key everywhere without losing anybody, each
// step must be done by all nodes before any takes the next: the new key behind the
// old one; in front of it; alone. A node that began without keys can't get any.
func (m *Membership) Rekey(keys [][]byte) error {
	if m.keyring == nil {
		return errors.New("gossip keys: this node gossips without; start it again with them")
	}
	if len(keys) == 0 {
		return errors.New("gossip keys: there is none")
	}
	// All that can be read before or after can be read in between.
	for _, key := range keys {
		if err := m.keyring.AddKey(key); err != nil {
			return fmt.Errorf("gossip keys: %w", err)
		}
	}
	if err := m.keyring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("gossip keys: %w", err)
	}
	if err := m.drop(keys); err != nil {
		return fmt.Errorf("gossip keys: %w", err)
	}
	m.poke() // with another key, those who were gone may be there
	return nil
}

// Keys are digests of the keys that this node has, as people compare them: the first
// is of the one that encrypts. There are none if gossip is in the clear. A key is
// random, so that 32 bits of its digest say nothing of it.
func (m *Membership) Keys() (digests []string) {
	if m.keyring == nil {
		return nil
	}
	for _, key := range m.keyring.GetKeys() {
		sum := sha256.Sum256(append([]byte("starling gossip key\x00"), key...))
		digests = append(digests, hex.EncodeToString(sum[:4]))
	}
	return digests
}

// drop removes the keys that are not among those to be kept. memberlist moves the
// keys behind one that it removes, in a list that others may be reading: so those
// to be removed must be the last, as they are unless a file has been turned upside
// down.
func (m *Membership) drop(kept [][]byte) error {
	stays := func(key []byte) bool {
		return slices.ContainsFunc(kept, func(k []byte) bool { return bytes.Equal(k, key) })
	}
	have := m.keyring.GetKeys()
	if !slices.ContainsFunc(have[min(len(kept), len(have)):], stays) {
		return m.dropLast(stays)
	}
	for _, key := range slices.Backward(kept) {
		if err := m.keyring.UseKey(key); err != nil {
			return err
		}
	}
	return m.dropLast(stays)
}

func (m *Membership) dropLast(stays func([]byte) bool) error {
	for _, key := range slices.Backward(m.keyring.GetKeys()) {
		if stays(key) {
			return nil
		}
		if err := m.keyring.RemoveKey(key); err != nil {
			return err
		}
	}
	return nil
}
