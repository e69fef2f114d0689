package consensus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// follower is a node that doesn't lead.
func (c *cluster) follower() *member {
	leader := c.mustLead()
	for _, m := range c.members {
		if m != leader && m.log != nil {
			return m
		}
	}
	c.t.Fatal("no follower")
	return nil
}

// settled is a federation of three with some sessions on record everywhere.
func settled(t *testing.T, sessions int) *cluster {
	c := newCluster(t, 3, 1)
	for n := range sessions {
		c.members[n%3].write(run(n)...)
	}
	c.check(sessions)
	return c
}

func TestANodeThatLostItsDirectoryComesBackAsAnotherServer(t *testing.T) {
	c := settled(t, 3)
	m := c.follower()
	was := m.log.Self().ID
	m.kill()
	m.dir = t.TempDir()
	m.up(false)
	assert.NotEqual(t, was, m.log.Self().ID)
	c.add(m, (*Raft).AddVoter)
	for _, s := range c.mustLead().log.Servers() {
		assert.NotEqual(t, was, s.ID, "the old one is gone")
	}
	m.write(run(3)...)
	c.check(4)
}

// Promise 3: a session store from a backup gives numbers again that it gave
// before; nothing of either time is lost or taken for the other.
func TestASessionStoreFromABackupLosesNothingOfEitherTime(t *testing.T) {
	c := settled(t, 3)
	m := c.follower()
	backup := filepath.Join(m.dir, "backup")
	m.write(run(3)...) // is on record everywhere, and in the backup, untrimmed
	m.barrier()
	m.kill()
	copyFile(t, filepath.Join(m.dir, "sessions.db"), backup)
	m.up(false)
	m.write(run(4)...)
	m.barrier()
	m.kill()
	copyFile(t, backup, filepath.Join(m.dir, "sessions.db"))
	c.network.Cut(m.name)
	m.up(false)
	m.write(run(5)...) // would bear the names of run 4
	m.kill()           // twice, while it can't ask anybody
	m.up(false)
	m.write(run(6)...)
	c.network.Join(m.name)
	c.check(7)
}

func TestALostOrOldFileIsNamedAndRefused(t *testing.T) {
	t.Run("the state", func(t *testing.T) {
		c := settled(t, 30)
		m := c.follower()
		m.kill()
		require.NoError(t, os.Remove(filepath.Join(m.dir, StateFile)))
		assert.ErrorIs(t, m.open(false), ErrStateLost)
	})
	t.Run("the log", func(t *testing.T) {
		c := settled(t, 3)
		m := c.follower()
		m.kill()
		require.NoError(t, os.Remove(filepath.Join(m.dir, LogFile)))
		err := m.open(false)
		require.ErrorIs(t, err, ErrStateLost)
		assert.ErrorContains(t, err, "join again")
	})
	t.Run("an old state", func(t *testing.T) {
		c := settled(t, 3)
		m := c.follower()
		m.kill()
		backup := filepath.Join(m.dir, "backup")
		copyFile(t, filepath.Join(m.dir, StateFile), backup)
		m.up(false)
		n := 3
		c.eventually("the log no longer has what follows its marker", func() error {
			m.write(run(n)...)
			m.barrier()
			n++
			var old *marker
			db, err := bbolt.Open(backup, 0o600, boltOptions())
			require.NoError(t, err)
			require.NoError(t, db.View(func(tx *bbolt.Tx) (err error) { old, err = readMarker(tx); return err }))
			require.NoError(t, db.Close())
			if first, err := m.log.disk.FirstIndex(); err != nil || old != nil && first <= old.Index+1 {
				return errors.Join(err, errors.New("not yet"))
			}
			return nil
		})
		m.kill()
		copyFile(t, backup, filepath.Join(m.dir, StateFile))
		err := m.open(false)
		require.ErrorIs(t, err, ErrStateLost)
		assert.ErrorContains(t, err, "join again")
	})
	t.Run("an old log", func(t *testing.T) {
		c := settled(t, 3)
		m := c.follower()
		m.kill()
		backup := filepath.Join(m.dir, "backup")
		copyFile(t, filepath.Join(m.dir, LogFile), backup)
		m.up(false)
		for n := 3; n < 6; n++ {
			m.write(run(n)...)
			m.barrier()
		}
		m.kill()
		require.NoError(t, m.editState(func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(markerKey) }))
		copyFile(t, backup, filepath.Join(m.dir, LogFile))
		assert.ErrorIs(t, m.open(false), ErrStateLost)
	})
	t.Run("the log of the server that the node was", func(t *testing.T) {
		c := settled(t, 3)
		m := c.follower()
		m.kill()
		former := filepath.Join(m.dir, LogFile)
		m.dir = t.TempDir()
		m.up(false)
		c.add(m, (*Raft).AddReplica)
		c.check(3)
		m.kill()
		copyFile(t, former, filepath.Join(m.dir, LogFile))
		err := m.open(false)
		require.ErrorIs(t, err, ErrStateLost)
		assert.ErrorContains(t, err, "follows server")
	})
	t.Run("another node's files", func(t *testing.T) {
		c := settled(t, 3)
		c.members[1].kill()
		c.members[2].kill()
		for _, name := range []string{LogFile, StateFile} {
			copyFile(t, filepath.Join(c.members[1].dir, name), filepath.Join(c.members[2].dir, name))
		}
		err := c.members[2].open(false)
		require.ErrorIs(t, err, ErrStateLost)
		assert.ErrorContains(t, err, "is of node n1, and this is n2")
	})
	t.Run("another node's log", func(t *testing.T) {
		c := settled(t, 3)
		c.members[1].kill()
		c.members[2].kill()
		copyFile(t, filepath.Join(c.members[1].dir, LogFile), filepath.Join(c.members[2].dir, LogFile))
		assert.ErrorIs(t, c.members[2].open(false), ErrStateLost)
	})
}

// editState changes the state of a node that is down.
func (m *member) editState(change func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(filepath.Join(m.dir, StateFile), 0o600, boltOptions())
	if err != nil {
		return err
	}
	return errors.Join(db.Update(change), db.Close())
}

func TestACorruptFileIsNotServed(t *testing.T) {
	for _, name := range []string{StateFile, LogFile} {
		t.Run(name+" cut short", func(t *testing.T) {
			c := settled(t, 3)
			m := c.follower()
			m.kill()
			require.NoError(t, os.Truncate(filepath.Join(m.dir, name), 16384))
			assert.ErrorIs(t, m.open(false), ErrCorrupt)
		})
	}
	t.Run("an entry changed", func(t *testing.T) {
		c := newCluster(t, 1, 1)
		m := c.members[0]
		m.write(run(0)...)
		m.barrier()
		require.NoError(t, m.log.raft.Barrier(0).Error())
		last, err := m.log.disk.LastIndex()
		require.NoError(t, err)
		require.NoError(t, m.log.disk.StoreLog(&raft.Log{Index: last + 1, Term: 1, Type: raft.LogCommand, Data: []byte("\x01never ours")}))
		m.kill()
		assert.ErrorIs(t, m.open(false), ErrCorrupt)
	})
	t.Run("a row changed while it runs", func(t *testing.T) {
		c := settled(t, 3)
		m := c.follower()
		require.NoError(t, m.log.state.update(func(c *change) error {
			return c.tx.Bucket(stateBucket).ForEach(func(k, v []byte) error {
				return c.tx.Bucket(stateBucket).Put(append([]byte(nil), k...), []byte("{never ours"))
			})
		}))
		other := c.mustLead()
		other.write(run(3)[1:]...) // touches rows that are there
		other.write(complete(3, nil))
		c.eventually("it says so", func() error {
			other.write(run(4)...)
			if err := m.log.Err(); !errors.Is(err, accounting.ErrCorrupt) {
				return errors.New("not yet")
			}
			return nil
		})
		assert.ErrorIs(t, m.log.View(context.Background(), func(accounting.View) error { return nil }), accounting.ErrCorrupt)
		<-m.log.Failed() // so that its process ends
		other.barrier()  // and the others go on
	})
}

// Raft asks for a state again at once when the one it sent was no help: without a
// pause that is a loop that takes all of a node, and of its line.
func TestTheSameStateIsNotSentAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 1)
		c.members[0].write(run(0)...)
		c.members[0].barrier()
		store, err := newSnapshots(context.Background(), c.members[0].log.state)
		require.NoError(t, err)
		send := func() time.Duration {
			began := time.Now()
			_, state, err := store.Open(stateID)
			require.NoError(t, err)
			require.NoError(t, state.Close())
			return time.Since(began)
		}
		assert.Zero(t, send())
		assert.Equal(t, resendAfter, send())
		c.members[0].write(run(1)...)
		c.members[0].barrier()
		assert.Zero(t, send(), "another")
		time.Sleep(resendAfter)
		assert.Zero(t, send(), "a moment later")
	})
}

func TestAStateDamagedOnItsWayIsNotTakenOver(t *testing.T) {
	c := settled(t, 1)
	store, err := newSnapshots(context.Background(), c.members[0].log.state)
	require.NoError(t, err)
	s, err := store.Create(1, 1000, 1, raft.Configuration{}, 1, nil)
	require.NoError(t, err)
	_, err = s.Write([]byte("half of something"))
	require.NoError(t, err)
	require.ErrorIs(t, s.Close(), ErrCorrupt)
	_, err = os.Stat(store.path())
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestAFullDiskOfTheLeaderIsToldAndOutlived(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.mustLead()
	leader.disk.Fill(LogFile)
	for n := range 6 {
		c.members[n%3].write(run(n)...) // promise 6: its own records wait at worst
	}
	for _, m := range c.members {
		if m != leader {
			m.barrier() // the others go on without it
		}
	}
	c.eventually("it says so", func() error {
		if err := leader.log.Err(); !errors.Is(err, syscall.ENOSPC) {
			return errors.New("not yet")
		}
		return nil
	})
	leader.disk.Mend()
	c.check(6)
}

// The log's file may have free pages where the state has none. Such a leader would
// have the log go on, and never tell those who sent it records.
func TestALeaderThatCannotApplyHandsTheLeadershipOver(t *testing.T) {
	c := newCluster(t, 3, 1)
	leader := c.mustLead()
	leader.disk.Fill(StateFile)
	for n := range 6 {
		c.members[n%3].write(run(n)...)
	}
	for _, m := range c.members {
		if m != leader {
			m.barrier()
		}
	}
	c.leaderNot(leader)
	leader.disk.Mend()
	c.check(6)
}

func TestANodeDoesNotStartOnAFullDiskAndSaysSo(t *testing.T) {
	c := settled(t, 1)
	m := c.follower()
	m.kill()
	m.disk.Fill(LogFile)
	require.ErrorIs(t, m.open(false), syscall.ENOSPC)
	m.disk.Mend()
	m.up(false)
	c.check(1)
}

func TestANodeClosesOnAFullDisk(t *testing.T) {
	c := newCluster(t, 3, 1)
	m := c.follower()
	c.eventually("it has what the others have", func() error { return m.log.Strong(context.Background()) })
	m.disk.Fill(LogFile)
	n := 0
	c.eventually("it says so", func() error {
		if errors.Is(m.log.Err(), syscall.ENOSPC) {
			return nil
		}
		leader := c.mustLead()
		leader.write(run(n)...) // more than once: what it lacks may be sent as a state, which is no log
		n++
		if leader != m {
			leader.barrier()
		}
		return errors.New("not yet")
	})
	m.down()
	m.disk.Mend()
	m.up(false)
	m.write(run(n)...)
	c.check(n + 1)
}

// A state of another federation, or of one that was given up, is not taken over.
func TestAnotherFederationsStateIsNotTakenOver(t *testing.T) {
	c, other := settled(t, 1), newCluster(t, 1, 2)
	other.members[0].kill()
	for name, change := range map[string]func(*bbolt.Tx) error{
		"another federation": func(*bbolt.Tx) error { return nil },
		"one that went on without this node": func(tx *bbolt.Tx) error {
			return errors.Join(tx.Bucket(metaBucket).Put(federationKey, []byte(c.members[0].log.Federation())),
				tx.Bucket(metaBucket).Put(recoveriesKey, Sequence(1).bytes()))
		},
	} {
		require.NoError(t, other.members[0].editState(change))
		path := filepath.Join(t.TempDir(), "copy")
		copyFile(t, filepath.Join(other.members[0].dir, StateFile), path)
		err := c.members[0].log.state.adopt(path, marker{Index: 1000, Term: 1000})
		require.ErrorIs(t, err, ErrOtherFederation, name)
		assert.FileExists(t, path, "and nothing is changed")
	}
	c.check(1)
}

func TestAHistoryOfALoneNodeBeginsAFederation(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(0)...)
	_, err := w.log.step()
	require.NoError(t, err)
	w.append(run(1)...) // waits
	w.close()
	c := &cluster{t: t, network: consensustest.NewNetwork(1), timing: quick(), log: quiet()}
	first := &member{cluster: c, name: "n0", address: "n0", dir: w.dir}
	c.members = append(c.members, first)
	t.Cleanup(c.close)
	first.up(true)
	c.grow(2)
	c.check(2)
}
