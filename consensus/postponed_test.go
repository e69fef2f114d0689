package consensus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/consensus/consensustest"
)

// patientCluster is three nodes that postpone for as long as nobody waits.
func patientCluster(t *testing.T) *cluster {
	c := &cluster{t: t, network: consensustest.NewNetwork(1), timing: quick(), linger: time.Hour, log: quiet()}
	t.TempDir()
	t.Cleanup(c.close)
	c.grow(3)
	return c
}

// fill writes sessions at a node, and waits until the others know that they are
// committed.
func (c *cluster) fill(m *member, sessions int) {
	for n := range sessions {
		m.write(run(n)...)
		if n%5 == 4 {
			m.barrier()
		}
	}
	m.barrier()
	for _, other := range c.members {
		c.eventually(other.name+" knows what is committed", func() error {
			if other.log.raft.CommitIndex() < m.log.Index() {
				return errors.New("not yet")
			}
			return nil
		})
	}
}

// agree waits for all, as a strong read does, and compares them.
func (c *cluster) agree(sessions int) {
	for _, m := range c.members {
		c.eventually(m.name+" reads strongly", func() error { return m.log.Strong(context.Background()) })
	}
	c.check(sessions)
}

func TestWhatNobodyWaitsForIsPostponed(t *testing.T) {
	c := patientCluster(t)
	leader := c.mustLead()
	c.fill(leader, 20)
	follower := c.follower()
	before := follower.log.Index()
	require.Less(t, before, leader.log.Index())
	c.eventually("until somebody does", func() error { return follower.log.Strong(context.Background()) })
	assert.GreaterOrEqual(t, follower.log.Index(), leader.log.Index())
	follower.write(run(20)...)
	follower.barrier()
	c.agree(21)
}

func TestWhatIsPostponedOutlivesAKill(t *testing.T) {
	c := patientCluster(t)
	c.fill(c.mustLead(), 20)
	for _, m := range c.members {
		m.kill()
	}
	for _, m := range c.members {
		m.up(false)
	}
	c.mustLead()
	c.agree(20)
}

// The state must have what the log no longer has.
func TestTheLogIsNotTrimmedOfWhatIsPostponed(t *testing.T) {
	c := patientCluster(t)
	leader := c.mustLead()
	follower := c.follower()
	n := 0
	c.eventually("the follower trims", func() error {
		leader.write(run(n)...)
		leader.barrier()
		n++
		first, err := follower.log.disk.FirstIndex()
		if err == nil && first < 20 {
			err = errors.New("not yet")
		}
		return err
	})
	at, _ := follower.dump()
	first, err := follower.log.disk.FirstIndex()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, at+1, first)
	follower.kill()
	follower.up(false) // which refuses a log that begins after the state
	c.agree(n)
}

func TestWhatIsPostponedIsBounded(t *testing.T) {
	p := postponed{added: make(chan struct{}, 1)}
	entry := &raft.Log{Data: make([]byte, postponedBytes/4)}
	for range 4 {
		require.True(t, p.add([]*raft.Log{entry}))
	}
	assert.False(t, p.add([]*raft.Log{entry}))
	assert.Len(t, p.take(), 4)
	assert.True(t, p.add([]*raft.Log{entry}), "there is room again")

	c := patientCluster(t)
	leader, follower := c.mustLead(), c.follower()
	before := follower.log.Index()
	for n := 0; follower.log.Index() == before; n++ { // applied without anybody who waits
		require.Less(t, n, 10_000)
		leader.write(run(n)...)
		if n%50 == 49 {
			leader.barrier()
		}
	}
}
