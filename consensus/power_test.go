package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// Promises 2 and 3, when the power fails everywhere at once: what was written is
// what was flushed. (kill -9 tests none of that: the kernel keeps what the program
// has written.)
func TestWhatWasToldSurvivesAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { require.NoError(t, powerCuts(t, false, false)) })
}

// The test above can fail.
func TestAStoreThatIsNotFlushedIsCaught(t *testing.T) {
	t.Run("the session store", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { assert.Error(t, powerCuts(t, true, false)) })
	})
	t.Run("the log", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { assert.Error(t, powerCuts(t, false, true)) })
	})
}

// powerCuts writes sessions at three nodes and cuts all of their power in the
// middle of it, again and again. It tells what was lost.
func powerCuts(t *testing.T, sessionsUnflushed, logUnflushed bool) error {
	c := emptyCluster(t, 1)
	c.sync = true
	c.grow(3)
	c.members[0].write(run(0)...)
	c.check(1)
	written := 1
	for _, m := range c.members {
		m.kill()
		require.NoError(t, m.disk.Watch(m.dir, teller(t, sessionsUnflushed, logUnflushed)))
	}
	c.sync = !logUnflushed
	for cut := range 3 {
		for _, m := range c.members {
			if err := m.open(false); err != nil {
				return err
			}
			m.db.NoSync = sessionsUnflushed
			m.log.Start(context.Background())
		}
		time.Sleep(time.Duration(cut*200) * time.Millisecond) // with a leader, or without
		for range 4 {
			for _, m := range c.members {
				require.NoError(t, m.disk.Write("sessions.db", func() error {
					return m.db.Update(func(tx *bbolt.Tx) error {
						_, err := m.outbox.Append(tx, run(written)...)
						return err
					})
				}))
				written++
			}
			time.Sleep(time.Duration(cut) * time.Millisecond)
		}
		for _, m := range c.members {
			m.disk.PowerCut()
		}
		for _, m := range c.members {
			m.kill()
			require.NoError(t, m.disk.Restore())
		}
	}
	for _, m := range c.members {
		if err := m.open(false); err != nil {
			return err
		}
		m.log.Start(context.Background())
	}
	return c.hasAll(written)
}

// hasAll tells what is missing of sessions that were written.
func (c *cluster) hasAll(sessions int) error {
	var errs []error
	for _, m := range c.members {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		errs = append(errs, m.log.Barrier(ctx))
		cancel()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.eventually("a strong read, whoever leads by then", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return c.members[0].log.Strong(ctx)
	})
	found := c.members[0].record().histories()
	if found[accounting.Completed] != sessions {
		return fmt.Errorf("of %d sessions %v are on record", sessions, found)
	}
	c.check(sessions)
	return nil
}

// teller tells whether a file is flushed: the kernel, where it can; or else how the
// file was opened.
func teller(t *testing.T, sessionsUnflushed, logUnflushed bool) func(string) (bool, error) {
	path := filepath.Join(t.TempDir(), "probe")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("not flushed yet")
	require.NoError(t, err)
	before, err := consensustest.Flushed(path)
	require.NoError(t, f.Sync())
	after, errAfter := consensustest.Flushed(path)
	if err == nil && errAfter == nil && !before && after {
		return nil // which asks the kernel
	}
	t.Log("this kernel, or this file system, does not tell what is flushed")
	return func(path string) (bool, error) {
		if filepath.Base(path) == "sessions.db" {
			return !sessionsUnflushed, nil
		}
		return !logUnflushed, nil
	}
}
