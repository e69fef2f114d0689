package membership

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"starling/federation/identity"
)

// mostMembers bounds a federation, and what a peer can make this node remember.
const mostMembers = 1000

// A roster is who is known. It has no clock and does no I/O: times come in, and
// what has been merged in any order, however often, is the same.
type roster struct {
	own     string
	entries map[string]*entry
	tags    map[identity.Tag]string // whose UUIDs begin how
}

type entry struct {
	self   Self
	gossip string
	alive  bool // as gossip says
	left   bool // as it was remembered; its records say so, too
	since  time.Time
	seen   time.Time
	record record
	born   time.Time // of the record
}

func newRoster(own string) *roster {
	return &roster{own: own, entries: map[string]*entry{}, tags: map[identity.Tag]string{}}
}

// admit says why a member can't be taken in: its identity collides with another
// name's, so that a UUID would name two owners, or there are too many.
func (r *roster) admit(name string) error {
	other, taken := r.tags[identity.NodeName(name).Tag()]
	if taken && other != name {
		return collision(name, other)
	}
	if !taken && len(r.entries) >= mostMembers {
		return fmt.Errorf("%w: %d are known already, the most that a federation may have; forget those who are gone for good (starling leave)", errTooMany, mostMembers)
	}
	return nil
}

// entry finds a name, or makes room for it.
func (r *roster) entry(name string) *entry {
	e := r.entries[name]
	if e == nil {
		e = &entry{}
		r.entries[name] = e
		r.tags[identity.NodeName(name).Tag()] = name
	}
	return e
}

// alive notes that a member is there, and what it says of itself. It reports
// whether that is news.
func (r *roster) alive(self Self, gossip string, now time.Time) bool {
	e := r.entry(self.Name)
	known := e.alive && e.self == self && e.gossip == gossip
	before := e.state()
	if e.self.Server != self.Server {
		e.left = false // another server, of which nothing is known
	}
	e.self, e.gossip, e.alive, e.seen = self, gossip, true, now
	e.moved(before, now)
	return !known
}

// gone notes that gossip has given a member up, or that it took leave.
func (r *roster) gone(name string, now time.Time) {
	if e := r.entries[name]; e != nil && e.alive {
		before := e.state()
		e.alive, e.seen = false, now
		e.moved(before, now)
	}
}

// merge takes a record in and reports whether it says anything new. Records of
// names that nobody knows are not kept.
func (r *roster) merge(n news, now time.Time) bool {
	e := r.entries[n.name]
	if e == nil {
		return false
	}
	order := n.record.compare(e.record)
	born := now.Add(-n.age)
	if order < 0 || order == 0 && !born.Before(e.born) {
		return false
	}
	if order == 0 {
		e.born = born // the same one, by a way that took longer; nothing to tell
		return false
	}
	before := e.state()
	if n.start > e.record.start {
		e.left = false // it began anew since it was remembered to have left
	}
	e.record, e.born = n.record, born
	e.record.note = bytes.Clone(n.note)
	e.moved(before, now)
	return true
}

// moved sets the time of a change of state.
func (e *entry) moved(before State, now time.Time) {
	if e.state() != before || e.since.IsZero() {
		e.since = now
	}
}

func (e *entry) state() State {
	switch {
	case e.record.left || e.left:
		return Left
	case e.alive:
		return Alive
	}
	return Dead
}

// news is every record that there is, to be told to another node.
func (r *roster) news(now time.Time) []news {
	all := make([]news, 0, len(r.entries))
	for name, e := range r.entries {
		if e.record.start > 0 {
			all = append(all, news{name: name, age: now.Sub(e.born), record: e.record})
		}
	}
	return all
}

// members lists this node and then the others, by name; those who are gone only
// for a while, unless all are wanted.
func (r *roster) members(now time.Time, all bool) []Member {
	var listed []Member
	for name, e := range r.entries {
		if name != r.own && (all || e.alive || now.Sub(e.since) < forgetful) {
			listed = append(listed, e.member(now))
		}
	}
	slices.SortFunc(listed, byName)
	if e := r.entries[r.own]; e != nil {
		listed = slices.Insert(listed, 0, e.member(now))
	}
	return listed
}

func (e *entry) member(now time.Time) Member {
	m := Member{Self: e.self, Gossip: e.gossip, State: e.state(), Since: e.since, Seen: e.seen}
	if e.alive {
		m.Seen = now
	}
	if e.record.start > 0 {
		m.Note, m.NoteAge = e.record.note, max(0, now.Sub(e.born))
	}
	return m
}

// count is how many members there are in each state.
func (r *roster) count() map[State]int {
	count := map[State]int{Alive: 0, Dead: 0, Left: 0}
	for _, e := range r.entries {
		count[e.state()]++
	}
	return count
}

// remember takes in what was known in an earlier life of this process.
func (r *roster) remember(p peer, now time.Time) {
	if p.Name == r.own || r.admit(p.Name) != nil {
		return
	}
	e := r.entry(p.Name)
	e.self, e.gossip, e.left, e.seen, e.since = p.self(), p.Gossip, p.Left, p.Seen, p.Seen
	if e.seen.After(now) {
		e.seen, e.since = now, now // the clock was set back since
	}
}

// forget drops a name that is not alive and reports whether it was known.
func (r *roster) forget(name string) (bool, error) {
	e := r.entries[name]
	switch {
	case name == r.own:
		return false, fmt.Errorf("%s is this node", name)
	case e == nil:
		return false, nil
	case e.alive && e.state() != Left:
		return false, fmt.Errorf("%s is there, and would be remembered again at once", name)
	}
	delete(r.entries, name)
	delete(r.tags, identity.NodeName(name).Tag())
	return true, nil
}
