package consensus

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// Time is the bubble's, so that a busy machine changes nothing of it.
func timed(t *testing.T, seed uint64, timing Timing, test func(*cluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := emptyCluster(t, seed)
		c.timing = timing
		c.grow(3)
		c.leaderWorks()
		test(c)
	})
}

func TestALostLeaderHoldsUpWritesOnALANForLessThanTwoSeconds(t *testing.T) {
	var longest time.Duration
	for seed := range uint64(5) {
		timed(t, seed, LAN(), func(c *cluster) {
			leader, follower := c.mustLead(), c.follower()
			follower.write(run(0)...)
			follower.barrier()
			c.network.Cut(leader.name)
			began := time.Now()
			follower.write(run(1)...)
			follower.barrier()
			longest = max(longest, time.Since(began))
			c.network.Mend()
			c.check(2)
		})
	}
	assert.Less(t, longest, 2*time.Second)
	t.Log("longest:", longest)
}

// With a group at a time each would take a round trip to the leader and one from
// there to a majority.
func TestRoundTripsDoNotHoldUpTheGroupsOfADistantNode(t *testing.T) {
	const groups, delay = 24, 75 * time.Millisecond
	timed(t, 1, WAN(), func(c *cluster) {
		c.network.Set(consensustest.Weather{Delay: delay})
		distant := c.follower()
		commands := run(0)[:2]
		opened := commands[1].(accounting.OpenAttempt)
		for n := range groups * submitBytes / 4000 {
			commands = append(commands, accounting.RecordUpdates{Ref: opened.Ref, Updates: []accounting.Update{{
				Key: accounting.Key(fmt.Sprint(n)), Type: accounting.LogWritten, Time: opened.Time, Text: strings.Repeat("x", 4000),
			}}})
		}
		began := time.Now()
		distant.write(commands...)
		distant.barrier()
		took := time.Since(began)
		assert.Less(t, took, groups*2*delay)
		t.Log(len(commands), "records took", took)
		rejected, err := distant.log.Rejections(1)
		require.NoError(t, err)
		assert.Empty(t, rejected)
	})
}
