package shortlist

import (
	"starling/federation/identity"
	"starling/scheduling"
)

// Unconfirmed is what a node has sent to others that their digests may not show yet. It is not safe for concurrent
// use: its owner guards it, and Choose with it, with a mutex.
type Unconfirmed struct {
	sites map[identity.NodeName][]sent
	count int
	swept scheduling.Instant // when Forget was last called for want of room
}

// sent is a slot taken at another node.
type sent struct {
	id scheduling.EntryID
	scheduling.Slot
	at scheduling.Instant // when it was taken
}

const (
	// shown is how long after the fact a digest may still be without it: it is made once a second at most.
	shown = 2 * scheduling.Second
	// forgotten is when a digest that doesn't come is waited for no longer.
	forgotten = 2 * scheduling.Minute
	// Of what a node sends, so many are remembered for each other node, and for all of them. Beyond that, the oldest
	// are forgotten.
	mostAtSite = 64
	mostInAll  = 4096
)

// NewUnconfirmed returns what a node knows that has sent nothing yet.
func NewUnconfirmed() *Unconfirmed {
	return &Unconfirmed{sites: map[identity.NodeName][]sent{}}
}

// Sent remembers that a slot was taken at a node at an instant: held or booked, by what this node has asked there.
func (u *Unconfirmed) Sent(node identity.NodeName, id scheduling.EntryID, slot scheduling.Slot, now scheduling.Instant) {
	u.drop(node, id)
	if u.count >= mostInAll && now.Sub(u.swept) >= scheduling.Second {
		u.Forget(now)
		u.swept = now
	}
	there := u.sites[node]
	if len(there) >= mostAtSite {
		there = there[1:]
		u.count--
	}
	if u.count >= mostInAll {
		return // all of it is younger than forgotten: chance must do
	}
	u.sites[node] = append(there, sent{id, slot, now})
	u.count++
}

// Dropped says that what was taken is free again: rejected, cancelled or expired.
func (u *Unconfirmed) Dropped(node identity.NodeName, id scheduling.EntryID) { u.drop(node, id) }

func (u *Unconfirmed) drop(node identity.NodeName, id scheduling.EntryID) {
	u.keep(node, func(s *sent) bool { return s.id != id })
}

// Forget drops all that is so old that digests must show it.
func (u *Unconfirmed) Forget(now scheduling.Instant) {
	for node := range u.sites {
		u.keep(node, func(s *sent) bool { return now.Sub(s.at) < forgotten })
	}
}

// keep keeps what a node was sent as far as good says.
func (u *Unconfirmed) keep(node identity.NodeName, good func(*sent) bool) {
	there, is := u.sites[node]
	if !is {
		return
	}
	kept := there[:0]
	for i := range there {
		if good(&there[i]) {
			kept = append(kept, there[i])
		}
	}
	u.count -= len(there) - len(kept)
	if u.sites[node] = kept; len(kept) == 0 {
		delete(u.sites, node)
	}
}

// at returns what a node was sent that a digest made at an instant doesn't show; it forgets what that shows.
func (u *Unconfirmed) at(node identity.NodeName, made, now scheduling.Instant) []sent {
	if u == nil || len(u.sites) == 0 {
		return nil
	}
	if there, is := u.sites[node]; !is {
		return nil
	} else if oldest := there[0].at; made.Sub(oldest) < shown && now.Sub(oldest) < forgotten {
		return there // in the order in which it was sent, so the others are younger
	}
	u.keep(node, func(s *sent) bool { return made.Sub(s.at) < shown && now.Sub(s.at) < forgotten })
	return u.sites[node]
}
