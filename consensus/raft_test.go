package consensus

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

func TestALoneNodeIsAFederationOfOne(t *testing.T) {
	c := newCluster(t, 1, 1)
	m := c.members[0]
	for n := range 20 {
		m.write(run(n)...)
	}
	c.check(20)
	require.NoError(t, m.log.Strong(context.Background()))
	m.kill()
	m.up(true) // bootstrap is ignored where there is a log
	m.write(run(20)...)
	c.check(21)
	s := m.log.Status()
	assert.Equal(t, "leader", s.Role)
	assert.Equal(t, "n0", s.Leader)
	assert.Zero(t, s.Outbox.Depth)
}

func TestRecordsOfAllNodesAreOnAll(t *testing.T) {
	c := newCluster(t, 3, 1)
	for n := range 30 {
		c.members[n%3].write(run(n)...)
	}
	c.check(30)
	for _, m := range c.members {
		assert.NoError(t, m.log.Err())
		assert.Equal(t, c.mustLead().name, m.log.Status().Leader)
	}
}

func TestANodeThatWasAwayForLongIsSentTheState(t *testing.T) {
	c := newCluster(t, 3, 1)
	away := c.members[2]
	if away == c.mustLead() {
		away = c.members[1]
	}
	away.write(run(0)...)
	away.barrier()
	behind, _ := away.dump()
	away.kill()
	writer := c.mustLead()
	n := 1
	c.eventually("the log no longer has what the node lacks", func() error {
		writer.write(run(n)...)
		writer.barrier()
		n++
		if writer.log.Status().First <= behind+1 {
			return errors.New("not yet")
		}
		return nil
	})
	away.up(false)
	reader := context.Background()
	require.NoError(t, away.log.View(reader, func(accounting.View) error { // a long read of the old file
		away.write(run(n)...)
		c.check(n + 1)
		return nil
	}))
	away.kill() // and the file that was sent is good for another start
	away.up(false)
	c.check(n + 1)
}

func TestALostLeaderIsReplacedAndNothingIsLostOrTwice(t *testing.T) {
	c := newCluster(t, 3, 1)
	for n := range 60 {
		c.members[n%3].write(run(n)...)
		if n%20 == 10 {
			leader := c.mustLead()
			leader.kill() // in the middle of batches
			leader.up(false)
		}
	}
	c.check(60)
}

func TestACutOffNodeGoesOnAndCatchesUp(t *testing.T) {
	c := newCluster(t, 3, 1)
	for i, m := range []*member{c.mustLead(), c.members[0], c.members[1]} {
		c.network.Cut(m.name)
		m.write(run(10 * i)...) // promise 6: its records wait
		for n := range 5 {
			other := c.members[(n+i)%3]
			other.write(run(10*i + n + 1)...)
		}
		assert.Positive(t, m.log.Status().Outbox.Depth)
		assert.NoError(t, m.log.Err(), "that is no fault of the node")
		c.network.Join(m.name)
	}
	c.check(18)
}

func TestAReplicaFollowsWithoutAVote(t *testing.T) {
	c := newCluster(t, 1, 1)
	replica := c.member()
	replica.up(false)
	replica.write(run(0)...) // before it is a member
	c.add(replica, (*Raft).AddReplica)
	c.members[0].write(run(1)...)
	c.check(2)
	assert.Equal(t, "replica", replica.log.Status().Role)
	require.NoError(t, replica.log.Strong(context.Background()))
	c.add(replica, (*Raft).AddVoter)
	c.eventually("it votes", func() error {
		if !replica.log.Self().Voter {
			return errors.New("not yet")
		}
		return nil
	})
	err := replica.log.AddVoter(context.Background(), replica.log.Self())
	if replica.log.Status().Role != "leader" {
		require.ErrorIs(t, err, ErrNotLeader)
	}
}

func TestTheLastVoterStays(t *testing.T) {
	c := newCluster(t, 1, 1)
	err := c.mustLead().log.Remove(context.Background(), c.members[0].log.Self().ID)
	assert.ErrorContains(t, err, "last voter")
}

func TestALeaderThatClosesHandsOver(t *testing.T) {
	c := newCluster(t, 3, 1)
	old := c.mustLead()
	old.write(run(0)...)
	old.barrier()
	c.eventually("it hands over", func() error { // which may fail for once, when the others are busy
		if err := old.log.Resign(context.Background()); err != nil {
			return err
		}
		if old.log.raft.State() == raft.Leader {
			return errors.New("still the leader")
		}
		return nil
	})
	next := c.mustLead()
	next.down()
	c.mustLead().write(run(1)...)
	c.mustLead().barrier()
	next.up(false)
	c.check(2)
}

func TestARequestOfNoSenseIsTurnedDown(t *testing.T) {
	c := newCluster(t, 1, 1)
	log := c.mustLead().log
	for _, request := range [][]byte{nil, {0}, {askSubmit}, {askSubmit, 1, 'a', 1, 200}, make([]byte, RequestBytes+1)} {
		_, err := readAnswer(log.Answer(context.Background(), "n0", request), group{})
		require.ErrorIs(t, err, ErrUnknownOutcome)
		assert.ErrorContains(t, err, "can't read")
	}
}

func TestAForwardedRequestIsNotForwardedAgain(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.mustLead()
	for _, m := range c.members {
		if m == leader {
			continue
		}
		_, err := readAnswer(m.log.Answer(context.Background(), leader.name, []byte{askIndex}), group{})
		assert.ErrorIs(t, err, ErrNotLeader)
	}
}

func TestARecordThatIsTooNewWaits(t *testing.T) {
	c := newCluster(t, 1, 1)
	m := c.mustLead()
	require.NoError(t, m.db.Update(func(tx *bbolt.Tx) error {
		tx.OnCommit(m.outbox.Notify)
		_, err := m.outbox.append(tx, []byte(`{"v":99,"type":"of a later program"}`))
		return err
	}))
	m.write(run(0)...)
	c.eventually("it says so", func() error {
		if s := m.log.Status(); !strings.Contains(s.Error, ErrTooEarly.Error()) {
			return errors.New("not yet")
		}
		return nil
	})
	require.NoError(t, m.log.Err(), "the node goes on")
	assert.Equal(t, 5, m.log.Status().Outbox.Depth)
}
