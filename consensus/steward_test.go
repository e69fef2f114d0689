package consensus

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hasty is a policy that waits for nothing.
func hasty(voters int) Policy {
	return Policy{Voters: voters, Stable: time.Nanosecond, ReplaceAfter: time.Nanosecond, Look: 5 * time.Millisecond}
}

// voters are who votes, in the order of their names.
func (c *cluster) voters() (names []string) {
	for _, s := range c.mustLead().log.Servers() {
		if s.Voter {
			names = append(names, s.Node)
		}
	}
	return names
}

func (c *cluster) untilVotersAre(n int, but *member) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d vote", n), func() error {
		names := c.voters()
		for _, name := range names {
			if but != nil && name == but.name {
				return fmt.Errorf("%s still votes", name)
			}
		}
		if len(names) != n {
			return fmt.Errorf("%v vote", names)
		}
		return nil
	})
}

// The whole life of a federation's votes: nodes that only join come to vote, up to
// as many as are wanted; who dies is replaced, and is a replica when it is back.
func TestAFederationPlacesItsVotes(t *testing.T) {
	c := emptyCluster(t, 1)
	c.gossip, c.policy = c.hearsay, hasty(3)
	for n := range 4 {
		m := c.member()
		m.up(n == 0)
		if n > 0 {
			c.join(m, c.members[0])
		}
		m.write(run(n)...)
	}
	c.untilVotersAre(3, nil)
	c.check(4)

	dead := c.follower()
	for _, m := range c.members { // a voter that doesn't lead
		if s := c.server(m.name); s.Voter && m != c.mustLead() {
			dead = m
		}
	}
	dead.kill()
	c.untilVotersAre(3, dead)
	assert.Len(t, c.mustLead().log.Servers(), 4, "it is still a member")

	leader := c.mustLead()
	leader.write(run(4)...)
	leader.barrier() // what was decided before it is decided
	leader.kill()    // and nobody is left to replace it
	c.leaderNot(leader).mustLead().write(run(5)...)
	c.mustLead().barrier()
	assert.Len(t, c.voters(), 3, "a dead voter without a replacement stays")

	dead.up(false)
	c.untilVotersAre(3, leader)
	leader.up(false)
	c.eventually("it follows as a replica", func() error {
		if role := leader.log.Status().Role; role != "replica" {
			return errors.New(role)
		}
		return nil
	})
	c.check(6)
}

// Promise 6, of the votes: a node that nobody hears of is not replaced by nobody.
func TestVotesStayWhereNothingIsKnown(t *testing.T) {
	c := emptyCluster(t, 1)
	c.policy = hasty(3)
	c.grow(1)
	m := c.member()
	m.up(false)
	c.join(m, c.members[0])
	m.write(run(0)...)
	m.barrier()
	assert.Equal(t, []string{"n0"}, c.voters())
	require.NoError(t, m.log.Leave(soon(t)))
}
