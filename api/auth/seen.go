package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"starling/federation/identity"
)

// maxSeen bounds the tokens that are remembered; an executor and its users
// send the same few thousands of times.
const maxSeen = 1024

// seen remembers tokens whose signature was checked, so that a busy client
// costs one Ed25519 verification and not one a request. It keeps hashes, never
// tokens.
type seen struct {
	mu      sync.RWMutex
	callers map[[sha256.Size]byte]remembered
}

type remembered struct {
	caller  identity.Caller
	expires time.Time
}

func newSeen() *seen {
	return &seen{callers: make(map[[sha256.Size]byte]remembered)}
}

func (s *seen) find(token string, now time.Time) (identity.Caller, bool) {
	key := sha256.Sum256([]byte(token))
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.callers[key]
	if !ok || !now.Before(r.expires) {
		return identity.Caller{}, false
	}
	return r.caller, true
}

func (s *seen) add(token string, caller identity.Caller, expires time.Time) {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.callers) >= maxSeen {
		// Whichever comes first goes: a map's order is random enough, and the
		// cost of a wrong choice is one verification.
		for old := range s.callers {
			delete(s.callers, old)
			break
		}
	}
	s.callers[key] = remembered{caller: caller, expires: expires}
}
