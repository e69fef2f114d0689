package cluster

import (
	"context"
	"time"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/federation/membership"
)

// acquaintance is a node, as its last note was read.
type acquaintance struct {
	digest.Known
	note        []byte
	born        time.Time // of the note
	certificate string    // that it says it has
	at          string    // its server and address
	trouble     error     // in speaking to it, when that was last tried
}

// Known are the nodes that gossip knows of, this one among them, each with the
// digest that it told last. It is cheap: the notes were read when they came. What it
// returns is the caller's, but for the profiles and slow parts, which nobody may
// change.
func (c *Cluster) Known() []digest.Known {
	now := time.Now()
	list := *c.acquaintances.Load()
	known := make([]digest.Known, len(list))
	for i := range list {
		known[i] = list[i].Known
		known[i].Age = max(0, now.Sub(list[i].born))
		if self := c.describing.self.Load(); list[i].Self && self != nil {
			known[i].Said, known[i].Fast, known[i].Slow, known[i].Age = true, self.fast, &self.slow, max(0, c.now().Sub(self.at))
		}
	}
	return known
}

// lookEvery gathers the notes that come close together.
const lookEvery = 50 * time.Millisecond

// watch reads the notes as they come, and has the slow parts fetched that they name.
func (c *Cluster) watch(ctx context.Context) {
	for c.pause(ctx, lookEvery) {
		changed := c.gossip.Load().Changed()
		again := time.NewTimer(c.acquaint(ctx))
		select {
		case <-changed:
		case <-c.lookNow:
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

// acquaint reads what is new of the notes, and says when to look again at the latest.
func (c *Cluster) acquaint(ctx context.Context) time.Duration {
	now := time.Now()
	before := map[string]acquaintance{}
	if list := c.acquaintances.Load(); list != nil {
		for _, a := range *list {
			before[string(a.Node)] = a
		}
	}
	var list []acquaintance
	for _, m := range c.gossip.Load().Members() {
		a := before[m.Name]
		a.Node, a.Self = identity.NodeName(m.Name), m.Name == c.name
		if !sameBytes(a.note, m.Note) {
			said, _ := readNote(m.Note)
			a.Fast, a.Said = said.fast()
			a.note, a.certificate = m.Note, said.Certificate
		}
		a.at = m.Server + " " + m.Raft
		a.born = now.Add(-m.NoteAge)
		a.Alive = m.State == membership.Alive && !c.isOut(m.Name, a.certificate)
		list = append(list, a)
	}
	next := c.slows.look(ctx, list)
	c.acquaintances.Store(&list)
	return next
}

// sameBytes reports whether two notes are one: notes are never changed, so one that is
// somewhere else is another.
func sameBytes(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// signal leaves a token where there is none.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
