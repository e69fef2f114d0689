package issuer

import (
	"fmt"
	"slices"
	"time"
)

// Key says what there is to know of a key, but not the key.
type Key struct {
	ID        string    `json:"kid"`
	Algorithm Algorithm `json:"alg"`
	Made      time.Time `json:"made"`
	Signs     bool      `json:"signs"`
	// From is when a key begins to sign that doesn't yet.
	From time.Time `json:"from,omitzero"`
	// Until is when everything is over that a key has signed which signs no more,
	// so that it isn't published any longer.
	Until time.Time `json:"until,omitzero"`
}

// maxKeys bounds the keys that are published at once.
const maxKeys = 32

// Keys lists the keys that are published, the newest first.
func (d *Directory) Keys() ([]Key, error) {
	s, err := d.read()
	if err != nil {
		return nil, err
	}
	var list []Key
	signing, past := s.signing(d.now()), false
	for i, k := range s.published(d.now()) {
		shown := Key{ID: k.ID, Algorithm: k.Algorithm, Made: k.Made, Signs: k == signing}
		switch {
		case past:
			shown.Until = s.Keys[i-1].Signs.Add(MaxLifetime)
		case k == signing:
			past = true
		default:
			shown.From = k.Signs
		}
		list = append(list, shown)
	}
	return list, nil
}

// signing is the key that signs: the newest whose time has come.
func (s *state) signing(now time.Time) *key {
	for _, k := range s.Keys {
		if !now.Before(k.Signs) {
			return k
		}
	}
	return s.Keys[len(s.Keys)-1] // the clock was set back: the oldest does
}

// published are the keys that strangers see: all but those that signed nothing
// that is still good.
func (s *state) published(now time.Time) []*key {
	for i := 1; i < len(s.Keys); i++ {
		if now.Sub(s.Keys[i-1].Signs) > MaxLifetime {
			return s.Keys[:i]
		}
	}
	return s.Keys
}

// Rotate makes a key of the algorithm, which is published at once and signs when
// so much time has passed: verifiers that have just asked for the keys don't ask
// again at once. The others stay published until all that they have signed is
// over.
func (d *Directory) Rotate(algorithm Algorithm, ahead time.Duration) error {
	if err := algorithm.Validate(); err != nil {
		return err
	}
	if ahead < 0 || ahead > MaxLifetime {
		return fmt.Errorf("a key can't begin to sign in %s: want 0 to %s", ahead, MaxLifetime)
	}
	return d.change(func(s *state) error {
		now := d.now()
		kept := s.published(now)
		if len(kept) >= maxKeys {
			return fmt.Errorf("%d keys are published already: withdraw some", len(kept))
		}
		next, err := newKey(algorithm, now, now.Add(ahead))
		s.Keys = slices.Concat([]*key{next}, kept)
		return err
	})
}

// Withdraw takes a key back at once, and whatever it has signed with it. If it
// is the one that signs, another one of its algorithm is made in its place.
func (d *Directory) Withdraw(id string) error {
	return d.change(func(s *state) error {
		at := slices.IndexFunc(s.Keys, func(k *key) bool { return k.ID == id })
		if at < 0 {
			return fmt.Errorf("there is no key %.64q; `starling issuer keys` lists those that there are", id)
		}
		now := d.now()
		kept := slices.Clone(s.Keys) // readers may hold the other
		if kept[at] != s.signing(now) {
			s.Keys = slices.Delete(kept, at, at+1)
			return nil
		}
		instead, err := newKey(kept[at].Algorithm, now, now)
		kept[at], s.Keys = instead, kept
		return err
	})
}
