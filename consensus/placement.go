package consensus

import (
	"cmp"
	"slices"
	"time"
)

// Policy is how the leader places the votes. What is zero is DefaultPolicy's.
type Policy struct {
	// Voters is how many there are at most; further nodes are replicas.
	Voters int
	// Stable is for how long a replica must have been alive before it votes.
	Stable time.Duration
	// Behind is how many entries it may be behind by then.
	Behind uint64
	// ReplaceAfter is for how long a voter must be dead before another takes its
	// place.
	ReplaceAfter time.Duration
	// Look is how often the leader looks.
	Look time.Duration
}

// DefaultPolicy is what most federations want.
func DefaultPolicy() Policy {
	return Policy{
		Voters:       7,                // a majority of 4 commits: more only make it slower
		Stable:       10 * time.Second, // longer than a node that starts, fails and starts again stays up
		Behind:       1000,             // a moment's entries; gossip tells how far a node is a second late
		ReplaceAfter: 10 * time.Minute, // longer than a reboot
		Look:         time.Second,
	}
}

// defaults fills in what was left out.
func (p Policy) defaults() Policy {
	d := DefaultPolicy()
	return Policy{
		Voters: cmp.Or(p.Voters, d.Voters), Stable: cmp.Or(p.Stable, d.Stable), Behind: cmp.Or(p.Behind, d.Behind),
		ReplaceAfter: cmp.Or(p.ReplaceAfter, d.ReplaceAfter), Look: cmp.Or(p.Look, d.Look),
	}
}

// A scene is what the leader goes by when it places votes.
type scene struct {
	leader  string // its server's id
	servers []Server
	members map[string]Member // by node
	commit  uint64
	now     time.Time
}

// A placing gives a server a vote, or takes it away.
type placing struct {
	server Server // as it is before
	why    string
}

// next is the one change that is wanted first; false if there is none. It never
// costs the majority, nor a vote of the living up to Policy.Voters: who replaces a
// dead voter votes before that one stops. Changing one vote at a time, it comes to
// an end.
func (p Policy) next(s scene) (placing, bool) {
	n := 0
	var living, away, dead, ready []Server
	for _, server := range s.servers {
		alive, since := s.alive(server)
		switch {
		case server.Voter && alive:
			living = append(living, server)
		case server.Voter && since < p.ReplaceAfter:
			away = append(away, server)
		case server.Voter:
			dead = append(dead, server)
		case !server.Voter && alive && since >= p.Stable && s.caughtUp(server, p.Behind):
			ready = append(ready, server)
		}
		if server.Voter {
			n++
		}
	}
	for _, list := range [][]Server{living, away, dead, ready} {
		slices.SortFunc(list, s.longest)
	}
	switch {
	case len(living) < majority(n):
		return placing{}, false // nothing could be decided
	case n < p.Voters && len(ready) > 0:
		return placing{ready[0], "it is stable, and there is room for a voter"}, true
	case len(dead) > 0 && (n > p.Voters || n%2 == 0):
		// An even number bears no more deaths than one less, so that the others do
		// better without it.
		return placing{dead[0], "it is dead, and the others are enough"}, true
	case len(dead) > 0 && len(ready) > 0:
		return placing{ready[0], "it replaces " + dead[0].Node + ", which is dead"}, true
	case n > p.Voters && len(away) > 0:
		return placing{away[0], "there are more voters than wanted, and it is away"}, true
	case n > p.Voters:
		return s.spare(living, n)
	}
	return placing{}, false
}

// spare is the living voter that can best be done without: the newest, and not the
// leader.
func (s scene) spare(living []Server, voters int) (placing, bool) {
	for _, server := range slices.Backward(living) {
		if server.ID != s.leader && len(living)-1 >= majority(voters-1) {
			return placing{server, "there are more voters than wanted"}, true
		}
	}
	return placing{}, false
}

// alive tells whether a server is, and for how long it is or is not.
func (s scene) alive(server Server) (alive bool, since time.Duration) {
	m := s.members[server.Node]
	return server.ID == s.leader || m.is(server), s.now.Sub(m.Since)
}

// caughtUp reports whether a server has nearly all that is committed.
func (s scene) caughtUp(server Server, behind uint64) bool {
	applied := s.members[server.Node].Applied
	return applied > 0 && applied+behind >= s.commit
}

// longest orders servers by how long they have been what they are.
func (s scene) longest(a, b Server) int {
	return cmp.Or(s.members[a.Node].Since.Compare(s.members[b.Node].Since), cmp.Compare(a.Node, b.Node))
}
