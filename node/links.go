package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node/store"
)

// A browser sends no bearer token. So its user, or a program of hers, asks for a
// link; who follows it first, within a minute, gets a grant; and the grant opens
// one connector of one session as long as that session lasts. Of both only
// digests are kept: links in memory, grants with the session.

// Bounds of links and grants.
const (
	linkMillis = 60_000
	maxLinks   = 16 // of one session that are open; the oldest falls out
	maxGrants  = 32 // of one session; likewise
	// secretBytes is how long a secret is, in random bytes.
	secretBytes = 32
)

// link is a way into a connector that has not been used.
type link struct {
	hash      string
	connector string
	did       deed // for whom it was made, and by which rule
	expires   store.Millis
}

// Link makes a one-time way into a connector, for those who may use it. It
// returns the secret and until when it is good.
func (b *Broker) Link(ctx context.Context, caller identity.Caller, id identity.UUID, name string) (secret string, expires time.Time, err error) {
	s, err := b.stored(caller, toUse, id)
	if err != nil {
		return "", time.Time{}, err
	}
	if _, err := b.target(s, name, caller.User); err != nil {
		return "", time.Time{}, err
	}
	did := deed{caller: caller, action: ActionLink, object: object("session", s.ID), rule: ruleOf(caller, string(s.Owners.User.ID), true)}
	secret = newSecret()
	defer b.guard()
	b.mu.Lock()
	defer b.mu.Unlock()
	until := b.now() + linkMillis
	open := append(b.links[s.ID], link{hash: hashOf(secret), connector: name, did: did, expires: until})
	b.links[s.ID] = open[max(0, len(open)-maxLinks):]
	b.at(until, func(now store.Millis) { b.forgetLinks(s.ID, now) })
	return secret, wall(until), nil
}

// forgetLinks drops the links of a session that have expired; b.mu is held.
func (b *Broker) forgetLinks(id identity.UUID, now store.Millis) {
	b.keepLinks(id, slices.DeleteFunc(b.links[id], func(l link) bool { return now >= l.expires }))
}

func (b *Broker) keepLinks(id identity.UUID, left []link) {
	if len(left) == 0 {
		delete(b.links, id)
		return
	}
	b.links[id] = left
}

// Enter uses a link up, and returns a grant. Whoever has the secret is the one
// that it was made for.
func (b *Broker) Enter(ctx context.Context, id identity.UUID, name, secret string) (grant string, err error) {
	if err := b.writable(); err != nil {
		return "", err
	}
	defer b.guard()
	b.mu.Lock()
	s, l, err := b.entered(secret, id, name)
	if err != nil {
		b.mu.Unlock()
		return "", err
	}
	grant = newSecret()
	s = b.change(s, func(s *store.Session) {
		grants := append(slices.Clone(s.Grants), store.Grant{Hash: hashOf(grant), Connector: name, User: l.did.caller.User, Made: b.now()})
		s.Grants = grants[max(0, len(grants)-maxGrants):]
	})
	ticket := b.submit(write{sessions: []*store.Session{s}, commands: []accounting.Command{b.allowed(l.did)}})
	b.mu.Unlock()
	if err := wait(ticket); err != nil {
		return "", err
	}
	return grant, nil
}

// newSecret is 256 random bits as text that needs no escaping.
func newSecret() string {
	var secret [secretBytes]byte
	_, _ = rand.Read(secret[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// hashOf is what is kept of a secret. Secrets are looked up by their digest, so
// that the time that takes says nothing about them.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
