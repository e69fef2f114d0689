package consensus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"starling/accounting"
	"starling/accounting/accountingtest"
)

// overlaidBy reads a log with its outbox on top.
func overlaidBy(t require.TestingT, log interface {
	Overlaid(context.Context, func(accounting.View, Overlay) error) error
}) (dump string, info Overlay) {
	require.NoError(t, log.Overlaid(context.Background(), func(v accounting.View, o Overlay) error {
		dump, info = string(accountingtest.Dump(v)), o
		return nil
	}))
	return dump, info
}

// drainSome applies so many records that wait.
func (w *world) drainSome(most int) {
	batch, _, err := w.outbox.after(w.log.applied, most, batchBytes)
	require.NoError(w.t, err)
	if len(batch) == 0 {
		return
	}
	done, err := w.log.apply(w.log.store, batch)
	require.NoError(w.t, err)
	w.log.advance(done.applied, done.index)
}

// The outbox over the state reads the same as the state with all of it applied,
// whatever waits, is refused, or is applied in the meantime, here or for others.
func TestAnOverlayReadsAsIfAllWereApplied(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{t: t, dir: t.TempDir(), noSync: true}
		w.openStore()
		w.openLog()
		defer w.close()
		var logged, waiting []accounting.Command
		others := Sequence(0)
		some := func(rt *rapid.T) []accounting.Command {
			// Some are refused, since what they are about isn't there, or is there twice.
			return run(rapid.IntRange(0, 5).Draw(rt, "session"))[rapid.IntRange(0, 3).Draw(rt, "first"):]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				commands := some(rt)
				w.append(commands...)
				waiting = append(waiting, commands...)
			},
			"drain": func(rt *rapid.T) {
				most := min(rapid.IntRange(1, 6).Draw(rt, "records"), len(waiting))
				w.drainSome(most)
				w.append() // trims
				logged, waiting = append(logged, waiting[:most]...), waiting[most:]
			},
			"others": func(rt *rapid.T) {
				var batch []record
				for _, c := range some(rt) {
					data, err := accounting.Encode(c)
					require.NoError(rt, err)
					others++
					batch = append(batch, record{others, data})
					logged = append(logged, c)
				}
				_, err := w.log.apply("another", batch)
				require.NoError(rt, err)
			},
			"": func(rt *rapid.T) {
				want := accountingtest.NewMap()
				for _, c := range slices.Concat(logged, waiting) {
					if _, err := accounting.Apply(want, c); err != nil {
						require.True(rt, accounting.Refused(err))
					}
				}
				dump, info := overlaidBy(rt, w.log)
				require.Equal(rt, string(accountingtest.Dump(want)), dump)
				require.Equal(rt, len(waiting), info.Pending)
				require.Zero(rt, info.Omitted)
			},
		})
	})
}

// What was applied once for a reader is not applied again for the next, as long
// as the state stays as it is.
func TestAnOverlayGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(0)...)
	overlaidBy(t, w.log)
	first := w.log.overlays.newest.Load()
	require.EqualValues(t, 4, first.last)
	overlaidBy(t, w.log)
	assert.Same(t, first, w.log.overlays.newest.Load(), "nothing new, nothing done")
	w.append(run(1)...)
	assert.EqualValues(t, 4, first.last)
	_, info := overlaidBy(t, w.log)
	assert.Equal(t, Overlay{Pending: 8}, info)
	assert.EqualValues(t, 2, w.log.overlays.rounds.Load())

	w.log.Start(context.Background())
	w.barrier()
	assert.Nil(t, w.log.overlays.newest.Load(), "the memory is given back")
	_, info = overlaidBy(t, w.log)
	assert.Equal(t, Overlay{Index: 8}, info)
	assert.EqualValues(t, 2, w.log.overlays.rounds.Load(), "nothing waits")
}

// An overlay's memory is bounded: what is over the bound is said to be left out.
func TestAnOverlayThatIsTooLargeIsCutAndSaysSo(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.log.overlays.bytes = 1
	for n := range 100 {
		w.append(run(n)...)
	}
	dump, info := overlaidBy(t, w.log)
	assert.Equal(t, Overlay{Pending: overlayStep, Omitted: 400 - overlayStep}, info)
	assert.Contains(t, dump, string(ref(0)))
	again, info := overlaidBy(t, w.log)
	assert.Equal(t, Overlay{Pending: overlayStep, Omitted: 400 - overlayStep}, info)
	assert.Equal(t, dump, again)
}

// A reader waits for no more than its share of a large overlay; the readers after
// it see more, until it is whole.
func TestReadersShareTheWorkOfALargeOverlay(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.log.overlays.time, w.log.overlays.sure = 0, 2*overlayStep
	for n := range 100 {
		w.append(run(n)...)
	}
	_, info := overlaidBy(t, w.log)
	require.Equal(t, Overlay{Pending: 2 * overlayStep, Omitted: 400 - 2*overlayStep}, info)
	_, info = overlaidBy(t, w.log)
	require.Equal(t, Overlay{Pending: 400}, info)
}

// Whoever was told that something is committed reads it at once, while the log
// gets on and others read and write.
func TestOwnWritesAreReadWhileTheLogGetsOn(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.log.Start(context.Background())
	const writers, sessions = 4, 20
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := i * sessions; n < (i+1)*sessions; n++ {
				for at, c := range run(n) {
					if !assert.NoError(t, w.db.Update(func(tx *bbolt.Tx) error {
						_, err := w.outbox.Append(tx, c)
						return err
					})) {
						return
					}
					if at == 0 {
						continue
					}
					want := []accounting.Phase{1: accounting.Despatched, 2: accounting.Running, 3: accounting.Completed}[at]
					assert.NoError(t, w.log.Overlaid(context.Background(), func(v accounting.View, o Overlay) error {
						h, err := accounting.History(v, accounting.Everyone(), ref(n))
						assert.Equal(t, want, h.Phase)
						assert.Zero(t, o.Omitted)
						return err
					}))
				}
				assert.NoError(t, w.log.Overlaid(context.Background(), func(v accounting.View, _ Overlay) error {
					return accounting.Audit(v)
				}))
			}
		})
	}
	all.Wait()
	w.barrier()
	assert.Equal(t, map[accounting.Phase]int{accounting.Completed: writers * sessions}, w.histories())
}

// Promise 6: a node that is cut off reads its own work, after a restart too, and
// together with what all had before.
func TestANodeThatIsCutOffReadsItsOwnWork(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.members[0].write(run(0)...)
	for _, m := range c.members {
		c.eventually("all have it", func() error {
			if got := m.record().histories()[accounting.Completed]; got != 1 {
				return fmt.Errorf("%s has %d", m.name, got)
			}
			return nil
		})
	}
	alone := c.members[1]
	c.network.Cut(alone.name)
	alone.write(run(1)...)
	read := func(want int) Overlay {
		t.Helper()
		var info Overlay
		require.NoError(t, alone.log.Overlaid(context.Background(), func(v accounting.View, o Overlay) error {
			info = o
			require.NoError(t, accounting.Audit(v))
			page, _, err := accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, "", 0)
			require.NoError(t, err)
			require.Len(t, page, want)
			for _, h := range page {
				require.Equal(t, accounting.Completed, h.Phase)
			}
			return nil
		}))
		return info
	}
	require.Equal(t, 4, read(2).Pending)
	alone.kill()
	alone.up(false)
	alone.write(run(2)...)
	require.Equal(t, 8, read(3).Pending, "of this life of the outbox and of the one before")

	c.network.Mend()
	alone.barrier()
	info := read(3)
	require.Zero(t, info.Pending)
	require.Positive(t, info.Index)
	c.check(3)
}

// A state that is broken is not shown under an overlay either.
func TestABrokenStateIsNotOverlaid(t *testing.T) {
	c := newCluster(t, 1, 1)
	c.members[0].log.note(fromState, ErrCorrupt)
	err := c.members[0].log.Overlaid(context.Background(), func(accounting.View, Overlay) error { return nil })
	require.ErrorIs(t, err, ErrCorrupt)
}

// BenchmarkOverlaid reads a newest page over an outbox of 100,000 records, of
// which one is new each time.
func BenchmarkOverlaid(b *testing.B) {
	w := newWorld(b)
	w.db.NoSync = true
	w.openLog()
	w.log.overlays.time = time.Hour
	const sessions = 25_000
	for n := 0; n < sessions; n += 1000 {
		var commands []accounting.Command
		for i := range 1000 {
			commands = append(commands, run(n+i)...)
		}
		w.append(commands...)
	}
	newest := func(v accounting.View, _ Overlay) error {
		_, _, err := accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, "", 10)
		return err
	}
	began := time.Now()
	require.NoError(b, w.log.Overlaid(context.Background(), newest))
	took, size := time.Since(began), w.log.overlays.newest.Load().layer.size()
	next := sessions
	for b.Loop() {
		w.append(run(next)[1])
		next++
		require.NoError(b, w.log.Overlaid(context.Background(), newest))
	}
	b.ReportMetric(4*sessions/took.Seconds(), "records/s")
	b.ReportMetric(float64(size)/(4*sessions), "B/record")
}
