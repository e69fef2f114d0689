package membership

import (
	"strings"
	"time"
)

// State is what is known of a member's life.
type State string

// The states. Gossip suspects a member for a while before it calls it dead, and
// keeps that to itself: a suspect is shown as alive.
const (
	Alive State = "alive"
	Dead  State = "dead" // it does not answer
	Left  State = "left" // it said that it leaves
)

// Member is one node, as this one knows it.
type Member struct {
	Self
	// Gossip is where its gossip is reached, HOST:PORT.
	Gossip string
	State  State
	// Since is when the state began, by this node's clock.
	Since time.Time
	// Seen is when it was last known to be there.
	Seen time.Time
	// Note is its newest note, NoteAge how long ago that was told. Nobody may
	// change the bytes.
	Note    []byte
	NoteAge time.Duration
}

// forgetful is for how long those who are gone are listed among the members.
// They are remembered, and asked again, for longer.
const forgetful = 72 * time.Hour

func byName(a, b Member) int { return strings.Compare(a.Name, b.Name) }
