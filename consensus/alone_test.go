package consensus

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// byItself has a node that is down record sessions with a log of its own.
func (m *member) byItself(keep bool, from, to int) {
	t := m.cluster.t
	db, err := bbolt.Open(filepath.Join(m.dir, "sessions.db"), 0o600, logOptions())
	require.NoError(t, err)
	db.NoSync = true
	outbox, err := NewOutbox(db, OutboxOptions{Keep: keep})
	require.NoError(t, err)
	log, err := OpenLocal(Options{Node: m.name, Dir: m.dir, Outbox: outbox, Linger: -1, NoSync: true, Log: quiet()})
	require.NoError(t, err)
	log.Start(context.Background())
	for n := from; n < to; n++ {
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			_, err := outbox.Append(tx, run(n)...)
			return err
		}))
		require.NoError(t, log.Barrier(context.Background()))
	}
	require.NoError(t, log.Close())
	require.NoError(t, db.Close())
}

// The design: a lone node that joins a federation later submits its own log as any
// outbox.
func TestANodeThatWasByItselfHandsItsRecordToTheFederationItJoins(t *testing.T) {
	c := newCluster(t, 2, 1)
	c.members[0].write(run(0)...)
	m := c.member()
	m.byItself(true, 1, 5)
	m.byItself(true, 5, 8) // and again, after a restart
	m.up(false)
	c.add(m, (*Raft).AddReplica)
	m.write(run(8)...)
	for _, each := range c.members {
		c.eventually("all at "+each.name, func() error { return each.log.Barrier(context.Background()) })
	}
	for _, each := range c.members {
		c.eventually("the record at "+each.name, func() error {
			if got := (asked{t, each.log}).histories()[accounting.Completed]; got != 9 {
				return assert.AnError
			}
			return nil
		})
	}
	assert.FileExists(t, filepath.Join(m.dir, AloneFile))
	m.down()
	m.up(false)
	c.eventually("the record after a restart", func() error {
		if got := (asked{t, m.log}).histories()[accounting.Completed]; got != 9 {
			return assert.AnError
		}
		return nil
	})
}

func TestARecordThatCanNotBeHandedOverIsNotGivenUp(t *testing.T) {
	c := newCluster(t, 1, 1)
	m := c.member()
	m.byItself(false, 0, 200) // of which the first are trimmed
	before, err := os.ReadFile(filepath.Join(m.dir, StateFile))
	require.NoError(t, err)
	require.ErrorContains(t, m.open(false), "--bootstrap")
	after, err := os.ReadFile(filepath.Join(m.dir, StateFile))
	require.NoError(t, err)
	assert.Equal(t, before, after, "nothing has changed")
	require.NoError(t, m.open(true), "it may begin a federation of its own")
	m.log.Start(context.Background())
	assert.Equal(t, 200, (asked{t, m.log}).histories()[accounting.Completed])
}

func TestAStateThatALoneNodeHasLostIsMadeAgain(t *testing.T) {
	c := emptyCluster(t, 1)
	m := c.member()
	m.byItself(true, 0, 5)
	require.NoError(t, os.Remove(filepath.Join(m.dir, StateFile)))
	m.byItself(true, 5, 6)
	m.up(true)
	assert.Equal(t, 6, (asked{t, m.log}).histories()[accounting.Completed])
}
