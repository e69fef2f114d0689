package consensus

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/accounting"
)

// draw makes a scene of letters: V is a voter that is alive, v one that is dead for
// long and u one that is for a moment; R is a replica that is alive, r a dead one, b
// one that is far behind and n one that is new. The first V leads, or L, which is a
// voter that is new. Nodes are a, b, c…
func draw(picture string) scene {
	now := time.Unix(1e9, 0)
	s := scene{members: map[string]Member{}, commit: 5000, now: now}
	for i, letter := range picture {
		node := string(rune('a' + i))
		s.servers = append(s.servers, Server{ID: node + ".1", Node: node, Address: node, Voter: strings.ContainsRune("VLvu", letter)})
		m := Member{Node: node, Server: node + ".1", Alive: strings.ContainsRune("VLRbn", letter), Since: now.Add(-time.Hour), Applied: 4999}
		switch letter {
		case 'b':
			m.Applied = 1000
		case 'u', 'n':
			m.Since = now.Add(-time.Second)
		case 'L':
			m.Since = now.Add(-time.Second)
			s.leader = node + ".1"
		case 'V':
			if s.leader == "" {
				s.leader = node + ".1"
			}
		}
		s.members[node] = m
	}
	return s
}

// do makes a change.
func (s scene) do(p placing) scene {
	s.servers = slices.Clone(s.servers)
	i := slices.IndexFunc(s.servers, func(server Server) bool { return server.ID == p.server.ID })
	s.servers[i].Voter = !s.servers[i].Voter
	return s
}

func TestVotesArePlaced(t *testing.T) {
	for _, test := range []struct {
		name, scene string
		voters      int
		want        string // the changes, in order: +c gives c a vote, -c takes it
	}{
		{"a node alone", "V", 7, ""},
		{"there is room", "VRR", 7, "+b +c"},
		{"seven are enough", "VVVVVVVR", 7, ""},
		{"five are enough", "VRRRRRR", 5, "+b +c +d +e"},
		{"a new one waits", "VVn", 7, ""},
		{"one that is far behind waits", "VVb", 7, ""},
		{"a dead one waits", "VVr", 7, ""},
		{"who is away for a moment stays", "VVuR", 3, ""},
		{"a dead one is replaced", "VVvR", 3, "+d -c"},
		{"two are, one after the other", "VVVvvRR", 5, "+f -d +g -e"},
		{"as many as there are replicas", "VVVvvR", 5, "+f -d"},
		{"a dead one without a replacement stays", "VVv", 7, ""},
		{"two dead ones without a replacement stay", "VVVvv", 7, ""},
		{"the fourth was its replacement", "VVVv", 7, "-d"},
		{"without a majority nothing is decided", "VvvRRR", 7, ""},
		{"nor with half", "VVvvR", 7, ""},
		{"one too many, when the dead one is back", "VVVV", 3, "-d"},
		{"one too many, and one away", "VVuV", 3, "-c"},
		{"the leader stays", "VV", 1, "-b"},
		{"even if it is the newest", "VVL", 1, "-b -a"},
	} {
		var got []string
		s := draw(test.scene)
		for range 20 {
			p, any := Policy{Voters: test.voters}.defaults().next(s)
			if !any {
				break
			}
			got = append(got, map[bool]string{true: "-", false: "+"}[p.server.Voter]+p.server.Node)
			s = s.do(p)
		}
		assert.Equal(t, test.want, strings.Join(got, " "), test.name)
	}
}

func TestANodeThatCameBackAsAnotherServerIsNotTheFormer(t *testing.T) {
	s := draw("VVVR")
	m := s.members["c"]
	m.Server = "c.2"
	s.members["c"] = m
	p, any := Policy{Voters: 3}.defaults().next(s)
	require.True(t, any)
	assert.Equal(t, "d", p.server.Node)
	assert.Equal(t, "it replaces c, which is dead", p.why)
}

// Whatever the nodes are like, changes come to an end, none costs the majority or a
// vote of the living that was wanted, and all that can be done is done.
func TestNoPlacingCostsTheMajority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		picture := "V" + rapid.StringOfN(rapid.RuneFrom([]rune("VVvuRRrbn")), 0, 11, -1).Draw(t, "scene")
		policy := Policy{Voters: rapid.IntRange(1, 7).Draw(t, "voters")}.defaults()
		s := draw(picture)
		before, n := s.votes()
		had := before >= majority(n)
		for step := 0; ; step++ {
			p, any := policy.next(s)
			if !any {
				break
			}
			require.True(t, had, "nothing could be decided")
			require.Less(t, step, 3*len(s.servers), "it comes to an end")
			require.False(t, p.server.Voter && p.server.ID == s.leader, "the leader keeps its vote")
			s = s.do(p)
			living, all := s.votes()
			require.GreaterOrEqual(t, living, majority(all), "the living are a majority")
			require.GreaterOrEqual(t, living, min(before, policy.Voters), "no living voter is lost")
			require.LessOrEqual(t, all, max(n, policy.Voters+1), "no more than one too many")
			before, n = living, all
		}
		left := 0
		for i, letter := range picture {
			if strings.ContainsRune("VR", letter) && !s.servers[i].Voter {
				left++
			}
		}
		if had && left > 0 {
			require.GreaterOrEqual(t, n, policy.Voters, "who could vote does, if a vote is wanted")
			for i := range picture {
				require.False(t, picture[i] == 'v' && s.servers[i].Voter, "no dead one votes where a living one could")
			}
		}
	})
}

// votes are those of the living, and all.
func (s scene) votes() (living, all int) {
	for _, server := range s.servers {
		if !server.Voter {
			continue
		}
		all++
		if alive, _ := s.alive(server); alive {
			living++
		}
	}
	return living, all
}

func TestAllMembersMustKnowAVersion(t *testing.T) {
	servers := []Server{{ID: "a.1", Node: "a"}, {ID: "b.1", Node: "b"}, {ID: "c.1", Node: "c"}}
	for _, test := range []struct {
		own, b, c, want int
	}{
		{3, 3, 3, 3}, {3, 2, 3, 2}, {2, 3, 3, 2}, {3, 0, 3, 1}, {3, 4, 5, 3}, {1, 9, 9, 1},
	} {
		members := []Member{{Node: "c", CommandVersion: test.c}, {Node: "d", CommandVersion: 1}} // which is no server
		if test.b > 0 {
			members = append(members, Member{Node: "b", CommandVersion: test.b})
		}
		assert.Equal(t, test.want, commonVersion(test.own, servers, "a.1", members), "%+v", test)
	}
}

// What the log has had is known to all, though some are not heard of now.
func TestAVersionOnceUsedStays(t *testing.T) {
	c := gossiping(t, 1)
	log := c.mustLead().log
	assert.Equal(t, accounting.Version, log.commandVersion())
	require.NoError(t, log.state.update(func(c *change) error {
		return c.rows(metaBucket).Put(versionKey, Sequence(accounting.Version+1).bytes())
	}))
	assert.Equal(t, accounting.Version+1, log.commandVersion())
	c.members[0].write(run(0)...)
	c.check(1)
	assert.Equal(t, accounting.Version+1, log.commandVersion(), "earlier versions don't lower it")
}
