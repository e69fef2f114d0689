package cluster

import (
	"cmp"
	"slices"
	"time"

	"starling/consensus"
	"starling/federation/line"
	"starling/federation/membership"
)

// The states of members: gossip's, and more.
const (
	Alive = string(membership.Alive)
	// Unknown is a node that is in the log and isn't heard of.
	Unknown = "unknown"
	// Impostor is a node at whose address another one answers.
	Impostor = "impostor"
)

// The roles of those who are not in the log; the others' are leader, voter and
// replica.
const (
	joining = "joining"
	gone    = "gone" // it was taken out, or never let in
)

// A Member is a node of the federation, as this one knows it.
type Member struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	// State is alive, dead, left, revoked, unknown or impostor.
	State string `json:"state"`
	// Role is leader, voter or replica; of one that is not in the log joining, or
	// gone if it isn't there either.
	Role string `json:"role"`
	// SinceSeconds is for how long the state has been so.
	SinceSeconds float64 `json:"sinceSeconds"`
	// AgeSeconds is how old the rest is, which the node said of itself.
	AgeSeconds float64 `json:"ageSeconds"`
	Applied    uint64  `json:"applied"`
	// Lag is how many entries its copy lacks of what is known to be committed.
	Lag    uint64                 `json:"lag"`
	Outbox consensus.OutboxStatus `json:"outbox"`
	// ClockSkewSeconds is how far its clock is ahead of this node's, give or take
	// what gossip takes.
	ClockSkewSeconds float64 `json:"clockSkewSeconds,omitempty"`
	Gossip           string  `json:"gossip,omitempty"` // its addresses
	Raft             string  `json:"raft,omitempty"`
	Server           string  `json:"server,omitempty"` // its id in the log
	Version          string  `json:"version,omitempty"`
	// GossipKeys are digests of the keys that its gossip can read, of which the first
	// encrypts what it says.
	GossipKeys []string `json:"gossipKeys,omitempty"`
	// Trouble is why it couldn't be spoken to, when that was last tried, though it is
	// heard of.
	Trouble string `json:"trouble,omitempty"`
	Self    bool   `json:"self,omitempty"`
}

// Members are all nodes of the federation, by name.
func (c *Cluster) Members() []Member {
	status, now := c.log.Status(), c.now()
	byName := map[string]*Member{}
	of := func(name string) *Member {
		m := byName[name]
		if m == nil {
			m = &Member{Name: name, State: Unknown, Role: joining}
			byName[name] = m
		}
		return m
	}
	troubles := map[string]error{}
	for _, a := range *c.acquaintances.Load() {
		troubles[string(a.Node)] = a.trouble
	}
	commit := status.Commit
	for _, heard := range c.gossip.Load().Members() {
		m := of(heard.Name)
		if heard.Name == c.name {
			m.hear(heard, c.note(status, now), 0, now)
			m.Self = true
			continue
		}
		said, _ := readNote(heard.Note)
		m.hear(heard, said, heard.NoteAge, now)
		if c.isOut(heard.Name, said.Certificate) {
			m.State, m.Role = Revoked, gone // unless the log has it
		}
		if trouble := troubles[heard.Name]; m.State == Alive && trouble != nil {
			m.Trouble = trouble.Error()
			if line.IsAnother(trouble) {
				m.State = Impostor
			}
		}
		if heard.State != membership.Alive {
			m.Role = gone // unless the log has it
		}
		commit = max(commit, said.Commit)
	}
	for _, server := range c.log.Servers() {
		m := of(server.Node)
		m.Server, m.Raft, m.Role = server.ID, cmp.Or(m.Raft, server.Address), "replica" // it may have moved since it joined
		if server.Voter {
			m.Role = "voter"
		}
		if server.Node == status.Leader {
			m.Role = "leader"
		}
	}
	list := make([]Member, 0, len(byName))
	for _, m := range byName {
		if m.Applied < commit && m.State != Unknown && m.State != Revoked && m.Role != gone {
			m.Lag = commit - m.Applied
		}
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// hear takes what gossip and the node itself say.
func (m *Member) hear(g membership.Member, n note, age time.Duration, now time.Time) {
	m.URL, m.State, m.Gossip, m.Raft, m.Server, m.Version = g.URL, string(g.State), g.Gossip, g.Raft, g.Server, g.Version
	m.SinceSeconds, m.AgeSeconds = now.Sub(g.Since).Seconds(), age.Seconds()
	m.GossipKeys = n.keys()
	m.Applied, m.Outbox = n.Applied, consensus.OutboxStatus{Depth: n.Depth, OldestSeconds: n.Oldest}
	if n.Clock == 0 || g.State != membership.Alive {
		return // it has not said anything, or this is only what it said last
	}
	if skew := time.UnixMilli(n.Clock).Sub(now.Add(-age)); skew.Abs() > skewShown {
		m.ClockSkewSeconds = skew.Round(time.Second / 10).Seconds()
	}
}

// skewShown is how far a clock must be from this node's to be worth a word: more
// than gossip takes.
const skewShown = 2 * time.Second
