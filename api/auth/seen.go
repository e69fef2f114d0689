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

// seen remembers tokens whose signature was checked, so that a busy client costs
// one verification and not one a request. It keeps hashes, never tokens, and
// believes nothing for longer than the token, and the keys of its issuer, last.
type seen struct {
	mu       sync.RWMutex
	subjects map[[sha256.Size]byte]remembered
}

type remembered struct {
	subject    identity.Subject
	generation uint64 // of its issuer's keys
}

func newSeen() *seen {
	return &seen{subjects: make(map[[sha256.Size]byte]remembered)}
}

func (s *seen) find(token string, now time.Time, generation func(issuer string) uint64) (identity.Subject, bool) {
	key := sha256.Sum256([]byte(token))
	s.mu.RLock()
	r, ok := s.subjects[key]
	s.mu.RUnlock()
	if !ok || !now.Before(r.subject.Expires) || generation(r.subject.Issuer) != r.generation {
		return identity.Subject{}, false
	}
	return r.subject, true
}

func (s *seen) add(token string, subject identity.Subject, generation uint64) {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subjects) >= maxSeen {
		// Whichever comes first goes: a map's order is random enough, and the
		// cost of a wrong choice is one verification.
		for old := range s.subjects {
			delete(s.subjects, old)
			break
		}
	}
	s.subjects[key] = remembered{subject: subject, generation: generation}
}
