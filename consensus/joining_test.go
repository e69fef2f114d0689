package consensus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// join has a node ask others to be let in, until it is.
func (c *cluster) join(m *member, through ...*member) {
	c.t.Helper()
	var names []string
	for _, other := range through {
		names = append(names, other.name)
	}
	c.eventually(m.name+" joins", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := m.log.Join(ctx, names); err != nil {
			return err
		}
		if !m.log.Joined() {
			return errors.New("not yet")
		}
		return nil
	})
}

// server is a node's server as the leader knows it; nil if it has none.
func (c *cluster) server(node string) *Server {
	for _, s := range c.mustLead().log.Servers() {
		if s.Node == node {
			return &s
		}
	}
	return nil
}

func TestANodeJoinsThroughAnyOther(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.mustLead()
	id := leader.log.Federation()
	assert.Len(t, id, 32)
	for _, through := range c.members {
		m := c.member()
		m.up(false)
		assert.Empty(t, m.log.Federation(), "it is of none yet")
		c.join(m, m, through)
		m.write(run(len(c.members))...)
		m.barrier()
		assert.Equal(t, id, m.log.Federation(), "it came with the state")
		assert.False(t, c.server(m.name).Voter, "it is a replica at first")
	}
	assert.NoError(t, c.members[5].log.Join(context.Background(), nil), "one that has joined asks for nothing")
	restarted := c.members[3]
	restarted.kill()
	restarted.up(true) // which is ignored
	assert.Equal(t, id, restarted.log.Federation())
}

// Bootstrap forgotten at the first start is made up for; where there is a federation
// it changes nothing.
func TestAFederationMayBeginLater(t *testing.T) {
	c := newCluster(t, 1, 1)
	m := c.member()
	m.up(false)
	m.write(run(0)...)
	m.kill()
	m.up(true)
	m.barrier()
	own := m.log.Federation()
	assert.NotEmpty(t, own)
	assert.NotEqual(t, c.members[0].log.Federation(), own)
	m.kill()
	m.up(true)
	assert.Equal(t, own, m.log.Federation())

	assert.Equal(t, "n1", c.waitForLeader(m))
	require.NoError(t, m.log.Join(context.Background(), []string{"n0"}), "one that leads asks for nothing")
	member := c.member()
	member.up(false)
	c.join(member, c.members[0])
	member.kill()
	member.up(true)
	assert.Equal(t, "n0", c.waitForLeader(member))
}

// waitForLeader is who leads, as a node hears.
func (c *cluster) waitForLeader(m *member) (leader string) {
	c.eventually(m.name+" hears a leader", func() error {
		if leader = m.log.Status().Leader; leader == "" {
			return ErrNotLeader
		}
		return nil
	})
	return leader
}

// Wherever nodes move, gossip tells the others; even if all move at once.
func TestANodeKeepsItsVoteUnderAnotherAddress(t *testing.T) {
	c := gossiping(t, 3)
	m := c.follower()
	m.kill()
	m.address = "elsewhere"
	m.up(false)
	c.eventually("it hears the leader", func() error {
		if !m.log.Joined() {
			return errors.New("not yet")
		}
		return nil
	})
	assert.True(t, c.server(m.name).Voter)
	m.write(run(0)...)
	c.check(1)
	for _, m := range c.members {
		m.kill()
	}
	for _, m := range c.members {
		m.address = "new home of " + m.name
		m.up(false)
	}
	m.write(run(1)...)
	c.check(2)
}

func TestANodeWithoutItsDirectoryTakesTheFormersPlace(t *testing.T) {
	c := newCluster(t, 3, 1)
	m := c.follower()
	was := m.log.Self().ID
	m.kill()
	m.dir = t.TempDir()
	m.up(false)
	c.join(m, c.mustLead())
	assert.NotEqual(t, was, c.server(m.name).ID)
	assert.False(t, c.server(m.name).Voter, "what it would vote it has forgotten")
	assert.Len(t, c.mustLead().log.Servers(), 3)
}

// Whoever may not join is told why, and nothing changes.
func TestWhoIsRefusedIsToldWhy(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.admit = func(candidate Candidate) error {
		if off := time.Since(candidate.Clock); off.Abs() > time.Minute {
			return errors.New("its clock is off by " + off.Round(time.Hour).String())
		}
		return nil
	}
	for _, m := range c.members {
		m.kill()
		m.up(false)
	}
	leader := c.mustLead()
	c.eventually("it leads", func() error { return leader.log.Strong(context.Background()) })
	other := newCluster(t, 1, 2)
	other.mustLead()
	good := Candidate{Server: Server{ID: "x.0000000a", Node: "x", Address: "x:1"}, Clock: time.Now(), CommandVersion: accounting.Version}
	for name, test := range map[string]struct {
		change func(*Candidate)
		why    string
	}{
		"an absurd clock":            {func(c *Candidate) { c.Clock = c.Clock.Add(-48 * time.Hour) }, "its clock is off by 48h0m0s"},
		"another federation":         {func(c *Candidate) { c.Federation = other.members[0].log.Federation() }, "begin with an empty data directory"},
		"one that was given up":      {func(c *Candidate) { c.Federation = leader.log.Federation() + "+1" }, "starling debug recover --rejoin"},
		"an old program":             {func(c *Candidate) { c.CommandVersion = 0 }, "install a newer program"},
		"another's address":          {func(c *Candidate) { c.Server.Address = c.Server.Node + "…" }, "no address"},
		"another's name":             {func(c *Candidate) { c.Server.ID = "n1.0000000a" }, "x can't join for n1"},
		"a name that is none":        {func(c *Candidate) { c.Server.ID = ".0000000a" }, "is no server"},
		"a name that is too long":    {func(c *Candidate) { c.Server.ID = strings.Repeat("x", 64) + ".0000000a" }, "is no server"},
		"a name that ends elsewhere": {func(c *Candidate) { c.Server.ID = "x@n1.0000000a" }, "is no server"},
	} {
		candidate := good
		test.change(&candidate)
		for _, m := range c.members { // through any
			assert.ErrorContains(t, c.refused(m, "x", candidate.encode()), test.why, name)
		}
	}
	assert.Len(t, c.mustLead().log.Servers(), 3)

	late := c.member()
	late.up(false)
	late.log.now = func() time.Time { return time.Now().Add(-48 * time.Hour) }
	var err error
	c.eventually("it is answered", func() error {
		if err = late.log.Join(context.Background(), []string{"n0"}); !errors.Is(err, ErrRefused) {
			return fmt.Errorf("not refused: %w", err)
		}
		return nil
	})
	assert.EqualError(t, err, "the federation's leader refused: its clock is off by 48h0m0s")
}

// refused asks a node until it refuses, and returns the words; while nobody leads it
// can't. Without a node it asks who leads.
func (c *cluster) refused(m *member, from string, request []byte) (err error) {
	c.t.Helper()
	c.eventually("it is refused", func() error {
		asked := m
		if asked == nil {
			asked = c.mustLead()
		}
		_, err = readAnswer(asked.log.Answer(context.Background(), from, request), group{})
		require.Error(c.t, err)
		if !errors.Is(err, ErrRefused) {
			return err
		}
		return nil
	})
	return err
}

// What was not refused may be tried again: nobody is there, or nobody leads.
func TestThatNobodyLeadsIsNoRefusal(t *testing.T) {
	c := newCluster(t, 2, 1)
	c.members[1].kill()
	m := c.member()
	m.up(false)
	c.eventually("the leader has noticed", func() error {
		err := m.log.Join(context.Background(), []string{"n0", "n1"})
		require.NotErrorIs(t, err, ErrRefused)
		if !errors.Is(err, ErrNotLeader) {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
}

// A member may pass on what another asked, a stranger may not; and nobody's records
// are taken before he is a member.
func TestAStrangerIsNotBelieved(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.mustLead()
	good := Candidate{Server: Server{ID: "x.0000000a", Node: "x", Address: "x:1"}, Clock: time.Now(), CommandVersion: accounting.Version}.encode()
	relayed := append(appendBytes([]byte{askRelayed}, []byte("x")), good...)
	_, err := readAnswer(leader.log.Answer(context.Background(), "stranger", relayed), group{})
	require.ErrorIs(t, err, ErrNotLeader)
	assert.Nil(t, c.server("x"))
	twice := append(appendBytes([]byte{askRelayed}, []byte("x")), relayed...)
	for _, bad := range [][]byte{twice, {askRelayed}, {askRelayed, 1}, {askRelayed, 1, 'x'}, {askJoin}, {askLeave}, append(good, 0)} {
		_, err := readAnswer(leader.log.Answer(context.Background(), c.members[0].name, bad), group{})
		assert.ErrorContains(t, err, "can't read", "%v", bad)
	}
	for _, m := range c.members {
		if m != leader {
			_, err := readAnswer(m.log.Answer(context.Background(), leader.name, relayed), group{})
			require.ErrorIs(t, err, ErrNotLeader, "what was passed on goes no further")
		}
	}
	for _, request := range [][]byte{{askIndex}, appendGroup([]byte{askSubmit}, group{"s", 1, [][]byte{{'{'}}})} {
		assert.ErrorContains(t, c.refused(nil, "x", request), "x is not a member")
	}
	c.eventually("a member is believed", func() error {
		_, err := readAnswer(c.mustLead().log.Answer(context.Background(), c.members[1].name, relayed), group{})
		return err
	})
	assert.NotNil(t, c.server("x"))
}

func FuzzCandidate(f *testing.F) {
	f.Add(Candidate{Server: Server{ID: "x.0000000a", Address: "x:1"}, Federation: "f", Clock: time.Now(), CommandVersion: accounting.Version}.encode()[1:])
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readCandidate(data)
		if err != nil {
			return
		}
		again, err := readCandidate(c.encode()[1:])
		require.NoError(t, err)
		assert.Equal(t, c, again)
	})
}
