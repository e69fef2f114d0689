package cluster

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/consensus"
	"starling/federation/membership"
)

func TestNodesThatJoinHoldOneRecordAndBecomeVoters(t *testing.T) {
	a := newSite(t, "a").up()
	a.write(1)
	b := newSite(t, "b", a).up()
	c := newSite(t, "c", b).up() // any node will do
	b.write(2)
	c.write(3)
	for _, s := range []*site{a, b, c} {
		assert.Equal(t, a.cluster.Federation(), s.cluster.Federation())
		for n := 1; n <= 3; n++ {
			s.eventually("every record", func() bool { return s.has(n) })
		}
	}
	for _, name := range []string{"b", "c"} {
		a.eventually(name+" to vote", func() bool { return a.member(name).Role == "voter" })
	}
	c.eventually("all to be seen as they are", func() bool {
		list := c.cluster.Members()
		return len(list) == 3 && list[0].State == Alive && list[1].State == Alive && list[2].Self &&
			list[0].Lag == 0 && list[0].Applied > 0 && list[1].Lag == 0 && list[1].Applied > 0
	})
	assert.Equal(t, "http://a.example", c.member("a").URL)
	assert.Equal(t, "leader", c.member("a").Role)
}

// Promise 6: a node that is alone again is up at once, and finds the others when
// they return, without being told whom to join.
func TestPromise6ANodeStartsWithoutTheOthersAndFindsThemAgain(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	b.eventually("b to vote", func() bool { return b.member("b").Role == "voter" })
	a.down()
	b.down()
	b.config.Join = nil
	a.config.Bootstrap = true // it is ignored
	b.up()
	b.write(1)
	assert.False(t, b.has(1), "without a majority nothing is committed")
	b.eventually("metrics to tell that nobody leads", func() bool {
		return b.measured("starling_log_led") == 0 && b.measured("starling_log_age_seconds") > 0
	})
	short, cancel := context.WithTimeout(context.Background(), time.Second/2)
	defer cancel()
	require.ErrorIs(t, b.cluster.Leave(short, 0, false), ErrLeaderless)
	a.up()
	for _, s := range []*site{a, b} {
		s.eventually("the record", func() bool { return s.has(1) })
		s.eventually("a leader in metrics", func() bool { return s.measured("starling_log_led") == 1 })
		assert.Positive(t, s.measured("starling_log_applied_index"))
		assert.Positive(t, s.measured("starling_log_commit_index"))
	}
	a.eventually("one that leads", func() bool { return a.measured("starling_log_leads")+b.measured("starling_log_leads") == 1 })
	registry := b.metrics
	b.down()
	left, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range left {
		assert.NotContains(t, family.GetName(), "starling_log_led", "nobody is asked after the end")
	}
}

func TestANodeThatLostItsDirectoryComesBackAsAnotherServer(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	c := newSite(t, "c", a).up()
	a.eventually("c to vote", func() bool { return a.member("c").Role == "voter" })
	c.write(1)
	a.eventually("the record", func() bool { return a.has(1) })
	before := c.cluster.Log().Self().ID
	c.down()
	require.NoError(t, os.RemoveAll(c.dir))
	require.NoError(t, os.Mkdir(c.dir, 0o700))
	c.up()
	assert.NotEqual(t, before, c.cluster.Log().Self().ID)
	assert.True(t, c.has(1), "it has the record again before it is up")
	c.write(2)
	b.eventually("what it writes now", func() bool { return b.has(2) })
	servers := a.cluster.Log().Servers()
	assert.Len(t, servers, 3, "%v", servers)
}

// --bootstrap may stay set: the one who began the federation goes back to it, too.
func TestWhoBeganAFederationAndLostTheLogBeginsNoOther(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	c := newSite(t, "c", a).up()
	b.eventually("all to vote", func() bool { return b.member("b").Role == "voter" && b.member("c").Role == "voter" })
	a.write(1)
	b.eventually("the record", func() bool { return b.has(1) })
	a.eventually("to remember them", func() bool { return membership.Belongs(filepath.Join(a.dir, PeersFile)) != "" })
	a.down()
	for _, file := range []string{consensus.LogFile, consensus.StateFile} {
		require.NoError(t, os.Remove(filepath.Join(a.dir, file)))
	}
	a.up()
	assert.True(t, a.has(1))
	a.write(2)
	c.eventually("what it writes now", func() bool { return c.has(2) })
}

func TestANodeWhoseAddressHasChangedIsFoundAgain(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	b.down()
	b.config.Raft = freeAddress(t)
	b.up()
	a.write(1)
	b.eventually("the record", func() bool { return b.has(1) })
	a.eventually("the address", func() bool { return a.member("b").Raft == b.config.Raft })
}

func TestANewcomerIsToldWhyItIsNotTakenIn(t *testing.T) {
	a := newSite(t, "a").up()
	other := newSite(t, "x").up()
	b := newSite(t, "b", a).up()
	t.Run("its clock is absurd", func(t *testing.T) {
		late := newSite(t, "late", a)
		late.now = func() time.Time { return time.Now().Add(-30 * 365 * 24 * time.Hour) }
		err := late.try()
		require.ErrorContains(t, err, "the clock of late is -2628")
		require.ErrorContains(t, err, "federation.clockSkew")
	})
	t.Run("its name is taken", func(t *testing.T) {
		twin := newSite(t, "b", a)
		require.ErrorContains(t, twin.try(), "the name b is taken")
	})
	t.Run("it belongs to another federation", func(t *testing.T) {
		other.down()
		other.config.Bootstrap, other.config.Join = false, a.config.Join
		other.config.Join = []string{a.config.Gossip}
		if err := other.try(); err == nil { // it is up (promise 6), but with nobody
			assert.Empty(t, other.cluster.alive())
		}
	})
	t.Run("nobody is where it should join", func(t *testing.T) {
		lost := newSite(t, "lost", a)
		lost.config.Join = []string{freeAddress(t)}
		require.ErrorContains(t, lost.try(), lost.config.Join[0])
	})
	t.Run("it says neither whom to join nor to begin", func(t *testing.T) {
		idle := newSite(t, "idle")
		idle.config.Bootstrap = false
		require.ErrorContains(t, idle.try(), "--join")
	})
	assert.Len(t, a.cluster.Log().Servers(), 2, "nothing has changed")
	assert.True(t, b.cluster.Log().Joined())
}

func TestANodeLeavesWithAllThatItHadToHandOver(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	c := newSite(t, "c", a).up()
	a.eventually("all to vote", func() bool { return a.member("b").Role == "voter" && a.member("c").Role == "voter" })
	require.ErrorIs(t, a.cluster.Leave(context.Background(), 2, false), ErrRefused, "two sessions run")
	a.write(1)
	require.NoError(t, a.cluster.Leave(context.Background(), 2, true))
	<-a.cluster.Left()
	a.down()
	for _, s := range []*site{b, c} {
		s.eventually("the last record", func() bool { return s.has(1) })
		s.eventually("a to be gone from the log", func() bool { return len(s.cluster.Log().Servers()) == 2 })
		s.eventually("a to have left", func() bool { m := s.member("a"); return m.State == "left" || m.Name == "" })
	}
	a.config.Bootstrap, a.config.Join = false, []string{b.config.Gossip}
	a.up()
	a.write(2)
	b.eventually("a to be back", func() bool { return b.has(2) })
}

func TestTheLastNodeCannotLeaveItsFederation(t *testing.T) {
	a := newSite(t, "a").up()
	a.eventually("a to lead", func() bool { return a.member("a").Role == "leader" })
	err := a.cluster.Leave(context.Background(), 0, false)
	require.ErrorIs(t, err, ErrRefused)
	assert.Regexp(t, "^the federation's leader refused: a is the last voter", err.Error(), "it says so once")
}

func TestANodeThatIsGoneForGoodIsTakenOut(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	c := newSite(t, "c", a).up()
	a.eventually("all to vote", func() bool { return a.member("b").Role == "voter" && a.member("c").Role == "voter" })
	require.ErrorIs(t, b.cluster.Expel(context.Background(), "c"), ErrRefused, "it is alive")
	require.ErrorIs(t, b.cluster.Expel(context.Background(), "d"), ErrUnknown)
	require.ErrorIs(t, b.cluster.Expel(context.Background(), "b"), ErrRefused, "it is itself")
	c.down()
	for _, s := range []*site{a, b} {
		s.eventually("c to be dead", func() bool { return s.member("c").State != Alive })
	}
	require.NoError(t, b.cluster.Expel(context.Background(), "c"))
	for _, s := range []*site{a, b} {
		s.eventually("c to be gone", func() bool { return len(s.cluster.Log().Servers()) == 2 })
	}
	a.eventually("c to be shown as gone", func() bool { m := a.member("c"); return m.Role == "gone" && m.Lag == 0 })
	assert.Empty(t, b.member("c").Name, "it was asked to forget it")
	a.write(1)
	b.eventually("work as usual", func() bool { return b.has(1) })
}
