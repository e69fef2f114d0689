package consensus

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// gossiping is a federation whose nodes know which of them are up, at once.
func gossiping(t testing.TB, size int) *cluster {
	c := emptyCluster(t, 1)
	c.gossip = c.hearsay
	c.grow(size)
	return c
}

// hearsay is what gossip would tell.
func (c *cluster) hearsay() (list []Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, log := range c.running {
		m := Member{Node: name, CommandVersion: cmp.Or(c.speaks[name], accounting.Version)}
		if log != nil {
			m.Alive, m.Server, m.Address, m.Applied = true, log.id, log.address(), log.Index()
		}
		list = append(list, m)
	}
	return list
}

// speak has gossip tell that a node's program knows commands up to a version.
func (c *cluster) speak(name string, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.speaks == nil {
		c.speaks = map[string]int{}
	}
	c.speaks[name] = version
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestWhoLeavesHasHandedOverAllThatItHad(t *testing.T) {
	c := gossiping(t, 4)
	for n, m := range []*member{c.follower(), c.mustLead()} {
		m.write(run(n)...)
		require.NoError(t, m.log.Leave(soon(t)), "a follower, and one that leads")
		assert.Zero(t, m.log.Status().Outbox.Depth)
		c.eventually("it is out", func() error {
			if s := c.leaderNot(m).server(m.name); s != nil {
				return errors.New("not yet")
			}
			return nil
		})
		m.down()
		c.forget(m)
	}
	assert.Len(t, c.members, 2)
	c.members[0].write(run(2)...)
	c.check(3)
}

func TestTheLastVoterAndTheLastMajorityStay(t *testing.T) {
	c := gossiping(t, 3)
	leader := c.mustLead()
	gone := c.follower()
	gone.kill()
	for _, m := range c.members {
		if m == gone {
			continue
		}
		err := m.log.Leave(soon(t))
		require.ErrorIs(t, err, ErrRefused, "without it one of two would be left")
		assert.ErrorContains(t, err, "without "+m.name+" only 1 of 2 voters are alive, and a majority takes 2")
	}
	require.NoError(t, leader.log.Expel(soon(t), gone.name), "two of two are a majority")
	c.forget(gone)
	require.NoError(t, c.follower().log.Leave(soon(t)))
	last := c.mustLead()
	for _, m := range c.members {
		if m != last {
			m.down()
			c.forget(m)
		}
	}
	err := last.log.Leave(soon(t))
	require.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, last.name+" is the last voter")
}

func TestOnlyWhatIsGoneIsExpelled(t *testing.T) {
	c := gossiping(t, 3)
	m := c.follower()
	other := c.members[0]
	if other == m {
		other = c.members[1]
	}
	err := other.log.Expel(soon(t), m.name)
	require.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, m.name+" is alive")
	m.kill()
	require.NoError(t, other.log.Expel(soon(t), m.name))
	require.NoError(t, other.log.Expel(soon(t), m.name), "once more does nothing")
	assert.Nil(t, c.server(m.name))
	m.up(false) // it does not know, hears nobody, and asks to be let in again
	c.eventually("it joins again", func() error {
		if m.log.Joined() {
			return nil
		}
		return errors.Join(errors.New("not yet"), m.log.Join(soon(t), []string{other.name}))
	})
	m.write(run(0)...)
	c.check(1)
}

// To leave is for a member to ask, and of others only by one.
func TestAStrangerExpelsNobody(t *testing.T) {
	c := gossiping(t, 3)
	m := c.follower()
	m.kill()
	request := appendBytes([]byte{askLeave}, []byte(m.name))
	assert.ErrorContains(t, c.refused(nil, "stranger", request), "stranger is not a member")
	assert.NotNil(t, c.server(m.name))
}

func TestLeavingEndsWithItsContext(t *testing.T) {
	c := gossiping(t, 2)
	c.members[1].kill()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.members[0].write(run(0)...)
	require.ErrorIs(t, c.members[0].log.Leave(ctx), context.DeadlineExceeded, "its outbox can't be applied")
}

func TestRemovalCountsTheLiving(t *testing.T) {
	servers := func(text string) (list []Server, alive func(Server) bool) {
		for i, c := range text {
			list = append(list, Server{ID: string(rune('a'+i)) + ".1", Node: string(rune('a' + i)), Voter: c == 'V' || c == 'v'})
		}
		return list, func(s Server) bool { c := text[s.Node[0]-'a']; return c == 'V' || c == 'R' }
	}
	for _, test := range []struct {
		servers string // V and v: a voter that is alive, or dead; R and r: a replica
		leaves  int
		refused bool
	}{
		{"V", 0, true}, {"VR", 0, true}, {"VR", 1, false}, {"VV", 1, false}, {"Vv", 0, true}, {"Vv", 1, false},
		{"VVv", 0, true}, {"VVv", 2, false}, {"VVV", 0, false}, {"VVVv", 0, false}, {"VVvv", 2, false}, {"Vvv", 1, true},
		{"VVVvv", 0, true}, {"VVVvv", 3, false}, {"VVVrr", 4, false},
	} {
		list, alive := servers(test.servers)
		err := removal(list, list[test.leaves].ID, alive)
		assert.Equal(t, test.refused, errors.Is(err, ErrRefused), "%s without %d: %v", test.servers, test.leaves, err)
	}
}
