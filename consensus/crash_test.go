package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"starling/accounting"
	"starling/accounting/accountingtest"
)

var errCrash = errors.New("crash")

// Promise 3, across crashes: wherever the log dies, in the outbox's commit, in
// the state's or between the two, each record is applied once.
func TestPromise3ExactlyOnceWhereverItCrashes(t *testing.T) {
	crashes := map[string]func(w *world){
		"after the append": func(*world) {},
		"before the state's commit": func(w *world) {
			w.log.apply = func(StoreID, []record) (outcome, error) { return outcome{}, errCrash }
			_, err := w.log.step()
			require.ErrorIs(t, err, errCrash)
		},
		"in the state's transaction": func(w *world) {
			w.log.apply = func(store StoreID, batch []record) (done outcome, err error) {
				err = w.log.state.update(func(c *change) error {
					if done, err = applyBatch(c, store, batch); err != nil {
						return err
					}
					return errCrash
				})
				return done, err
			}
			_, err := w.log.step()
			require.ErrorIs(t, err, errCrash)
		},
		"after the state's commit": func(w *world) {
			w.log.apply = func(store StoreID, batch []record) (outcome, error) {
				if _, err := w.log.state.apply(store, batch); err != nil {
					return outcome{}, err
				}
				return outcome{}, errCrash
			}
			_, err := w.log.step()
			require.ErrorIs(t, err, errCrash)
		},
		"half-way through": func(w *world) {
			batch, _, err := w.outbox.after(w.log.applied, 2, batchBytes)
			require.NoError(t, err)
			_, err = w.log.state.apply(w.log.store, batch)
			require.NoError(t, err)
		},
		"before the trim": func(w *world) {
			_, err := w.log.step()
			require.NoError(t, err)
		},
		"in a transaction that trims": func(w *world) {
			_, err := w.log.step()
			require.NoError(t, err)
			err = w.db.Update(func(tx *bbolt.Tx) error {
				if _, err := w.outbox.Append(tx, run(99)...); err != nil {
					return err
				}
				return errCrash
			})
			require.ErrorIs(t, err, errCrash)
		},
		"after the trim": func(w *world) {
			_, err := w.log.step()
			require.NoError(t, err)
			w.append()
		},
	}
	for name, crash := range crashes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.openLog()
			for n := range 5 {
				w.append(run(n)...)
				crash(w)
				w.restart()
			}
			w.log.Start(context.Background())
			w.barrier()
			assert.Equal(t, map[accounting.Phase]int{accounting.Completed: 5}, w.histories())
			assert.Equal(t, accounting.Decimal("5"), w.charged())
			rejected, err := w.log.Rejections(10)
			require.NoError(t, err)
			assert.Empty(t, rejected)
			assert.Equal(t, uint64(20), w.log.Status().Applied)
		})
	}
}

// Property: a random schedule of appends, steps, rollbacks and restarts leaves
// the state that applying the same commands once, in order, makes in memory.
func TestAnyScheduleOfCrashesMakesTheSameState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		w.noSync, w.db.NoSync = true, true
		w.openLog()
		model := accountingtest.NewMap()
		n := 0
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "step", "rollback", "restart", "lost"}).Draw(rt, "what") {
			case "append":
				for range rapid.IntRange(1, 3).Draw(rt, "sessions") {
					for _, c := range run(n) {
						w.append(c)
						_, err := accounting.Apply(model, c)
						require.NoError(rt, err)
					}
					n++
				}
			case "step":
				_, err := w.log.step()
				require.NoError(rt, err)
			case "rollback":
				_ = w.db.Update(func(tx *bbolt.Tx) error {
					_, err := w.outbox.Append(tx, run(n)...)
					require.NoError(rt, err)
					return errCrash
				})
			case "lost": // applied, but the log died before it knew
				batch, _, err := w.outbox.after(w.log.applied, rapid.IntRange(1, 9).Draw(rt, "records"), batchBytes)
				require.NoError(rt, err)
				_, err = w.log.state.apply(w.log.store, batch)
				require.NoError(rt, err)
				w.restart()
			case "restart":
				w.restart()
			}
		}
		w.log.Start(context.Background())
		w.barrier()
		w.view(func(v accounting.View) {
			require.Equal(rt, string(accountingtest.Dump(model)), string(accountingtest.Dump(v)))
		})
	})
}

func TestAGapIsRefusedAndNamesTheNext(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	data, err := accounting.Encode(run(1)[0])
	require.NoError(t, err)
	_, err = w.log.state.apply(w.log.store, []record{{1, data}, {3, data}})
	var gap *GapError
	require.ErrorAs(t, err, &gap)
	assert.Equal(t, GapError{Store: w.log.store, Expected: 2, Got: 3}, *gap)
	applied, index, err := w.log.state.position(w.log.store)
	require.NoError(t, err)
	assert.Zero(t, applied, "nothing of a batch with a gap is applied")
	assert.Zero(t, index)
}

// The commit's answer was lost and the log tries again, in the same process.
func TestWhatTheStateHasIsSkipped(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(1)...)
	batch, more, err := w.outbox.after(0, 3, batchBytes)
	require.NoError(t, err)
	assert.True(t, more)
	_, err = w.log.state.apply(w.log.store, batch)
	require.NoError(t, err)
	w.log.Start(context.Background()) // which still believes that nothing was applied
	w.barrier()
	assert.NoError(t, w.log.Err())
	assert.Equal(t, uint64(4), w.log.Status().Applied)
	assert.Equal(t, accounting.Decimal("1"), w.charged())
}

func TestOtherStoresHaveSequencesOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(1)...)
	_, err := w.log.step()
	require.NoError(t, err)
	data, err := accounting.Encode(run(2)[0])
	require.NoError(t, err)
	done, err := w.log.state.apply("another", []record{{1, data}})
	require.NoError(t, err)
	assert.Equal(t, Sequence(1), done.applied)
	assert.Equal(t, uint64(5), done.index)
}

func copyFile(t testing.TB, from, to string) {
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}

// drained fills a world with sessions that are applied and trimmed.
func drained(t *testing.T, sessions int) *world {
	w := newWorld(t)
	w.openLog()
	for n := range sessions {
		w.append(run(n)...)
		_, err := w.log.step()
		require.NoError(t, err)
	}
	w.restart() // which trims
	w.close()
	return w
}

func TestALostStateIsNamedAndTheWayOutWorks(t *testing.T) {
	w := drained(t, 3)
	require.NoError(t, os.Remove(filepath.Join(w.dir, StateFile)))
	w.openStore()
	err := w.tryOpenLog()
	require.ErrorIs(t, err, ErrStateLost)
	assert.ErrorContains(t, err, "records 1 to 12 went to state")
	assert.ErrorContains(t, err, "restore state.db from its backup")

	require.NoError(t, w.outbox.Renew())
	w.append(run(7)...)
	w.openLog()
	w.log.Start(context.Background())
	w.barrier()
	assert.Equal(t, accounting.Decimal("1"), w.charged())
}

func TestAStateLostBeforeAnythingWasTrimmedIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(1)...)
	_, err := w.log.step()
	require.NoError(t, err)
	w.close()
	require.NoError(t, os.Remove(filepath.Join(w.dir, StateFile)))
	w.openStore()
	w.openLog()
	w.log.Start(context.Background())
	w.barrier()
	assert.Equal(t, accounting.Decimal("1"), w.charged())
}

func TestAStateFromAnOldBackupIsRefused(t *testing.T) {
	w := drained(t, 1)
	backup := filepath.Join(w.dir, "backup")
	copyFile(t, filepath.Join(w.dir, StateFile), backup)
	w.openStore()
	w.openLog()
	w.append(run(2)...)
	_, err := w.log.step()
	require.NoError(t, err)
	w.restart()
	w.close()
	copyFile(t, backup, filepath.Join(w.dir, StateFile))
	w.openStore()
	err = w.tryOpenLog()
	var gap *GapError
	require.ErrorAs(t, err, &gap)
	assert.Equal(t, Sequence(5), gap.Expected)
	assert.ErrorContains(t, err, "older than the session store")
}

func TestASessionStoreFromABackupBeginsANewLife(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(1)...)
	_, err := w.log.step()
	require.NoError(t, err)
	old := w.log.store
	w.close()
	backup := filepath.Join(w.dir, "backup")
	copyFile(t, filepath.Join(w.dir, "sessions.db"), backup)
	w.openStore()
	w.openLog()
	w.append(run(2)...)
	_, err = w.log.step()
	require.NoError(t, err)
	w.close()
	copyFile(t, backup, filepath.Join(w.dir, "sessions.db"))
	w.openStore()
	w.openLog()
	assert.NotEqual(t, old, w.log.store)
	w.append(run(3)...) // would be taken for run 2 under the old name
	w.log.Start(context.Background())
	w.barrier()
	assert.Equal(t, accounting.Decimal("3"), w.charged())
}

func TestAFullDiskIsToldAndOutlived(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	full := fmt.Errorf("write %s: %w", StateFile, syscall.ENOSPC)
	tried := make(chan struct{}, 100)
	freed := make(chan struct{})
	apply := w.log.apply
	w.log.apply = func(store StoreID, batch []record) (outcome, error) {
		select {
		case <-freed:
			return apply(store, batch)
		default:
			tried <- struct{}{}
			return outcome{}, full
		}
	}
	w.log.Start(context.Background())
	w.append(run(1)...)
	<-tried
	<-tried // it tries again by itself
	require.ErrorIs(t, w.log.Err(), syscall.ENOSPC)
	assert.Contains(t, w.log.Status().Error, "no space left")
	assert.Equal(t, 4, w.log.Status().Outbox.Depth)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := w.log.Barrier(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, syscall.ENOSPC, "the caller learns why")

	w.append(run(2)...) // the node goes on meanwhile
	close(freed)
	w.barrier()
	assert.Equal(t, accounting.Decimal("2"), w.charged())
	require.Eventually(t, func() bool { return w.log.Err() == nil }, 10*time.Second, time.Millisecond)
}

func TestABrokenStoreStopsTheLogAndSaysSo(t *testing.T) {
	breaks := map[string]func(StoreID, []record) (outcome, error){
		"a panic in bbolt": func(StoreID, []record) (outcome, error) { panic("page 7: invalid") },
		"a row that is not ours": func(StoreID, []record) (outcome, error) {
			return outcome{}, fmt.Errorf("x: %w", accounting.ErrCorrupt)
		},
		"a gap": func(StoreID, []record) (outcome, error) { return outcome{}, &GapError{} },
	}
	for name, apply := range breaks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.openLog()
			w.log.apply = apply
			w.log.Start(context.Background())
			w.append(run(1)...)
			err := w.log.Barrier(context.Background()) // does not wait for what never comes
			require.Error(t, err)
			assert.True(t, fatal(err), err)
			assert.Equal(t, err, w.log.Err())
			var gap *GapError
			if !errors.As(err, &gap) {
				<-w.log.Failed() // so that its process ends
			}
		})
	}
}

func TestADamagedFileIsNotOpened(t *testing.T) {
	w := drained(t, 1)
	path := filepath.Join(w.dir, StateFile)
	require.NoError(t, os.WriteFile(path, []byte("this is no database, but long enough to be looked at"), 0o600))
	w.openStore()
	require.ErrorIs(t, w.tryOpenLog(), ErrCorrupt)
}

func TestAFileCutShortIsAnErrorAndNoCrash(t *testing.T) {
	w := drained(t, 40)
	w.openStore()
	w.openLog()
	require.NoError(t, os.Truncate(filepath.Join(w.dir, StateFile), 8192))
	err := w.log.View(context.Background(), func(v accounting.View) error { return accounting.Audit(v) })
	require.ErrorIs(t, err, ErrCorrupt)
}
