package cluster

import (
	"encoding/json"
	"strings"
	"time"

	"starling/consensus"
)

// A note is what a node announces of itself by gossip, once a second at most.
// The names are short, since a note has to fit into a packet with others.
type note struct {
	Applied uint64  `json:"a"`
	Commit  uint64  `json:"c"`
	Term    uint64  `json:"t"`
	Role    string  `json:"r"`
	Depth   int     `json:"d,omitempty"` // of the outbox
	Oldest  float64 `json:"o,omitempty"` // seconds
	Clock   int64   `json:"n"`           // Unix ms, when this was written
	// Public is the key with which the node signs, base64, in development; where
	// there are certificates it is proven, and not said.
	Public string `json:"p,omitempty"`
	// Keys are digests of its gossip keys, separated by commas; the first encrypts.
	Keys string `json:"k,omitempty"`
	// Certificate is the beginning of its certificate's fingerprint.
	Certificate string `json:"f,omitempty"`
	// Digest is the fast part of its digest, base64.
	Digest string `json:"g,omitempty"`
}

// What is believed of a note's words, in bytes: sixteen keys, and that nobody finds
// another certificate that begins so.
const (
	mostKeys         = 16 * 9
	shownFingerprint = 24
)

// note is what this node has to say of itself.
func (c *Cluster) note(s consensus.Status, now time.Time) note {
	n := note{
		Applied: s.Applied, Commit: s.Commit, Term: s.Term, Role: s.Role,
		Depth: s.Outbox.Depth, Oldest: s.Outbox.OldestSeconds, Clock: now.UnixMilli(), Public: c.public,
		Keys: strings.Join(c.gossip.Load().Keys(), ","),
	}
	if c.credentials != nil {
		n.Certificate = c.credentials.Fingerprint()[:shownFingerprint]
	}
	return n
}

// keys are the digests, if they are some.
func (n note) keys() []string {
	if n.Keys == "" || strings.Trim(n.Keys, "0123456789abcdef,") != "" {
		return nil
	}
	return strings.Split(n.Keys, ",")
}

// same reports whether others need not hear of a note after another, for what is in it
// beside the digest.
func (n note) same(before note) bool {
	n.Clock, n.Oldest, n.Digest = before.Clock, before.Oldest, before.Digest
	return n == before
}

func (n note) bytes() []byte {
	data, _ := json.Marshal(n) // it has nothing that can't be written
	return data
}

// readNote reads another node's; what makes no sense says nothing.
func readNote(data []byte) (n note, said bool) {
	if len(data) == 0 || json.Unmarshal(data, &n) != nil || n.Depth < 0 || n.Oldest < 0 || len(n.Role) > 16 || len(n.Public) > 64 ||
		len(n.Keys) > mostKeys || len(n.Certificate) > shownFingerprint {
		return note{}, false
	}
	return n, true
}
