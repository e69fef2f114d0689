package consensus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

// survey is what is left of a node that is down.
func (m *member) survey() Remnant {
	found, err := Survey(m.dir, filepath.Join(m.dir, "sessions.db"))
	require.NoError(m.cluster.t, err)
	return found
}

func (m *member) rejoin() []string {
	moved, err := Rejoin(m.dir, filepath.Join(m.dir, "sessions.db"))
	require.NoError(m.cluster.t, err)
	return moved
}

// bereaved is a federation of five of which three are down, among them who led. The
// other two have records that nobody took, and then are down as well; the first has
// the longer log.
func bereaved(t *testing.T) (c *cluster, left, lost []*member) {
	c = gossiping(t, 5)
	for n, m := range c.members {
		m.write(run(n)...)
	}
	c.check(5)
	leader := c.mustLead()
	for _, m := range c.members {
		if m == leader || len(left) == 2 {
			lost = append(lost, m)
		} else {
			left = append(left, m)
		}
	}
	left[1].kill() // for a moment: it lacks what comes now
	leader.write(run(5)...)
	leader.barrier()
	left[0].write(run(6)...)
	left[0].barrier()
	for _, m := range lost {
		m.kill()
	}
	left[1].up(false)
	left[0].write(run(7)...)
	left[1].write(run(8)...)
	left[1].write(run(9)...)
	for _, m := range left {
		m.kill()
	}
	return c, left, lost
}

// Promises 3 and 6, when a majority is lost for good: what is left goes on with all
// that it has; what waited at those who join anew arrives once.
func TestALostMajorityIsRecovered(t *testing.T) {
	c, left, lost := bereaved(t)
	most, other := left[0].survey(), left[1].survey()
	assert.Equal(t, 4, most.Outbox)
	assert.Equal(t, 8, other.Outbox)
	assert.Equal(t, most.Federation, other.Federation)
	assert.Greater(t, most.LastIndex, other.LastIndex, "whom to choose")
	assert.Len(t, most.Servers, 5)

	left[0].tail(most, run(20)...)
	require.NoError(t, Recover(left[0].dir, quiet()))
	after := left[0].survey()
	assert.Equal(t, most.LastIndex+1, after.Applied, "the log's tail is kept")
	assert.Equal(t, uint64(1), after.Recoveries)
	assert.Equal(t, []Server{{ID: most.Server, Node: left[0].name, Address: left[0].name, Voter: true}}, after.Servers)
	left[0].up(false)
	left[0].barrier()
	assert.Equal(t, most.Federation, left[0].log.Federation(), "it is the same federation")

	left[1].up(false)
	err := left[1].log.Join(soon(t), []string{left[0].name})
	require.ErrorIs(t, err, ErrRefused, "it may hold what the federation does not")
	assert.ErrorContains(t, err, "--rejoin there lets it join anew")
	left[1].kill()
	assert.Len(t, left[1].rejoin(), 2)
	left[1].up(false)
	c.join(left[1], left[0])
	c.members = left
	c.check(11)

	// The lost come back after all, and are a majority of what they remember. They
	// are one federation and the recovered another, whatever they ask of it.
	c.members = lost
	for _, m := range lost {
		m.up(false)
	}
	among := c.mustLead()
	among.write(run(10)...)
	among.barrier()
	for _, m := range lost {
		m.kill()
		m.rejoin()
		m.up(false)
		c.members = left
		c.join(m, left...)
	}
	c.members = slices.Concat(left, lost)
	left[0].write(run(11)...)
	c.check(13)
}

// tail puts an entry at the end of a log, of which nobody knows whether it was
// committed.
func (m *member) tail(found Remnant, commands ...accounting.Command) {
	g := group{store: "of one who is lost", first: 1}
	for _, c := range commands {
		data, err := accounting.Encode(c)
		require.NoError(m.cluster.t, err)
		g.commands = append(g.commands, data)
	}
	require.NoError(m.cluster.t, m.apart(func(_ *stateFile, log disk) error {
		return log.StoreLog(&raft.Log{
			Index: found.LastIndex + 1, Term: found.LastTerm, Type: raft.LogCommand, Data: encodeEntry([]group{g}),
		})
	}))
	assert.Equal(m.cluster.t, found.LastIndex+1, m.survey().LastIndex)
}

// A crash after the transaction that recovers is made up for.
func TestARecoveryThatWasCutShortIsFinished(t *testing.T) {
	c, left, _ := bereaved(t)
	m := left[0]
	end := m.survey().LastIndex
	require.NoError(t, m.apart(func(state *stateFile, log disk) error {
		id, err := log.Get(serverIDKey)
		require.NoError(t, err)
		s, err := stand(state, log)
		require.NoError(t, err)
		return state.update(func(c *change) error { return takeOver(c, log, s, string(id)) })
	}))
	m.up(false)
	first, err := m.log.disk.FirstIndex()
	require.NoError(t, err)
	assert.True(t, first == 0 || first > end, "what it says of the members is gone: it begins at %d", first)
	m.barrier()
	assert.Equal(t, []string{m.name}, names(m.log.Servers()))
	joiner := c.member()
	joiner.up(false)
	c.members = []*member{m, joiner}
	c.join(joiner, m)
	c.check(8)
	assert.Equal(t, []string{m.name, joiner.name}, names(joiner.log.Servers()))
}

func names(servers []Server) (list []string) {
	for _, s := range servers {
		list = append(list, s.Node)
	}
	return list
}

// apart opens the files of a node that is down.
func (m *member) apart(do func(*stateFile, disk) error) error {
	options := Options{Dir: m.dir, Log: quiet()}.defaults()
	state, err := openState(options)
	require.NoError(m.cluster.t, err)
	log, err := openLogStore(m.dir, true)
	require.NoError(m.cluster.t, err)
	return errors.Join(do(state, log), log.Close(), state.close())
}

// What can't be recovered is refused, in words, and left as it is.
func TestOnlyAMemberThatIsDownIsRecovered(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.members[0].write(run(0)...)
	c.check(1)
	up := c.members[0]
	assert.ErrorContains(t, Recover(up.dir, quiet()), "another process has it open")
	_, err := Survey(up.dir, filepath.Join(up.dir, "sessions.db"))
	require.ErrorContains(t, err, "another process has it open")
	_, err = Rejoin(up.dir, filepath.Join(up.dir, "sessions.db"))
	require.ErrorContains(t, err, "another process has it open")
	up.write(run(1)...)
	c.check(2)

	waits := c.member()
	waits.up(false)
	waits.kill()
	require.ErrorContains(t, Recover(waits.dir, quiet()), "never let into a federation")

	alone := newWorld(t)
	alone.openLog()
	alone.append(run(0)...)
	_, err = alone.log.step()
	require.NoError(t, err)
	alone.close()
	require.ErrorContains(t, Recover(alone.dir, quiet()), "never in a federation")
	_, err = Rejoin(alone.dir, filepath.Join(alone.dir, "sessions.db"))
	require.ErrorContains(t, err, "its record is nowhere else")
	assert.FileExists(t, filepath.Join(alone.dir, StateFile))
	_, err = Survey(t.TempDir(), "none")
	require.ErrorIs(t, err, os.ErrNotExist)

	cut := c.members[1] // of three
	cut.kill()
	require.NoError(t, os.Truncate(filepath.Join(cut.dir, LogFile), 16384))
	require.ErrorIs(t, Recover(cut.dir, quiet()), ErrCorrupt)
	assert.Len(t, cut.rejoin(), 2, "what is damaged can be put aside")
	cut.up(false)
	c.join(cut, up)
	c.members = c.members[:3]
	c.check(2)
}

// One of the two files may be gone already, or be in the way.
func TestRejoiningGoesOnWhereItEnded(t *testing.T) {
	c := newCluster(t, 2, 1)
	m := c.follower()
	m.kill()
	require.NoError(t, os.Rename(filepath.Join(m.dir, LogFile), filepath.Join(m.dir, LogFile+asideSuffix)))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, StateFile+asideSuffix), nil, 0o600))
	assert.Equal(t, []string{filepath.Join(m.dir, StateFile+asideSuffix+"2")}, m.rejoin())
	_, err := Rejoin(m.dir, filepath.Join(m.dir, "sessions.db"))
	require.ErrorIs(t, err, os.ErrNotExist)
	m.up(false)
	assert.Empty(t, m.log.Federation())
	require.ErrorIs(t, m.log.View(soon(t), func(accounting.View) error { return context.Canceled }), context.Canceled)
}
