package consensus

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"starling/accounting"
)

func TestWhatIsAppendedIsAppliedOnce(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.log.Start(context.Background())
	for n := range 20 {
		w.append(run(n)...)
	}
	w.barrier()
	assert.Equal(t, map[accounting.Phase]int{accounting.Completed: 20}, w.histories())
	assert.Equal(t, accounting.Decimal("20"), w.charged())
	assert.Equal(t, uint64(80), w.log.Status().Applied)
	assert.Zero(t, w.log.Status().Outbox.Depth)
	assert.NoError(t, w.log.Err())
}

func TestARefusedRecordDoesNotStopTheLog(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	var err error
	w.log, err = OpenLocal(Options{
		Node: "a", Dir: w.dir, Outbox: w.outbox, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Registerer: registry,
	})
	require.NoError(t, err)
	w.log.Start(context.Background())
	w.append(run(1)...)
	other := complete(1, nil)
	other.Outcome = accounting.Failed
	w.append(other)                                                  // another completion
	w.append(complete(2, nil))                                       // of nothing
	w.append(complete(1, run(1)[0].(accounting.PlaceHold).Estimate)) // a duplicate is no refusal
	require.NoError(t, w.db.Update(func(tx *bbolt.Tx) error {
		_, err := w.outbox.append(tx, []byte(`{"v":9,"type":"later"}`)) // by a newer program
		tx.OnCommit(w.log.Notify)
		return err
	}))
	w.append(run(3)...)
	w.barrier()

	assert.Equal(t, map[accounting.Phase]int{accounting.Completed: 2}, w.histories())
	assert.Equal(t, accounting.Decimal("2"), w.charged())
	rejected, err := w.log.Rejections(10)
	require.NoError(t, err)
	require.Len(t, rejected, 3)
	assert.Contains(t, rejected[0].Reason, "unknown command version")
	assert.Contains(t, rejected[1].Reason, "not found")
	assert.Contains(t, rejected[2].Reason, "conflict")
	assert.Equal(t, Sequence(5), rejected[2].Sequence)
	assert.Contains(t, rejected[2].Command, `"outcome":"FAILED"`)
	counters := gather(t, registry)
	assert.Equal(t, 3.0, counters["starling_log_records_rejected_total"])
	assert.Equal(t, 12.0, counters["starling_log_records_applied_total"])
	assert.Contains(t, counters, "starling_outbox_depth")
	w.restart()
	assert.Empty(t, gather(t, registry), "a closed log leaves the registry")
}

// gather is what a registry would show: counters by name, the rest as zero.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	families, err := registry.Gather()
	require.NoError(t, err)
	values := make(map[string]float64)
	for _, family := range families {
		values[family.GetName()] = family.GetMetric()[0].GetCounter().GetValue()
	}
	return values
}

func TestACommandOutOfBoundsIsTheAppendersMistake(t *testing.T) {
	w := newWorld(t)
	err := w.db.Update(func(tx *bbolt.Tx) error {
		_, err := w.outbox.Append(tx, accounting.VoidHold{})
		return err
	})
	require.ErrorIs(t, err, accounting.ErrInvalid)
	depth, _, err := w.outbox.Depth()
	require.NoError(t, err)
	assert.Zero(t, depth)
}

func TestAppendsTrimWhatIsApplied(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	stored := func() (n int) {
		require.NoError(t, w.db.View(func(tx *bbolt.Tx) error {
			n = tx.Bucket(outboxBucket).Stats().KeyN
			return nil
		}))
		return n
	}
	for n := range 10 {
		w.append(run(n)...)
	}
	assert.Equal(t, 40, stored())
	_, err := w.log.step()
	require.NoError(t, err)
	assert.Equal(t, 40, stored(), "trimming costs no transaction of its own")
	assert.Zero(t, w.log.Status().Outbox.Depth)
	last := w.append(run(10)...)
	assert.Equal(t, Sequence(44), last)
	assert.Equal(t, 4, stored())
	assert.Equal(t, 4, w.log.Status().Outbox.Depth)
}

func TestTheOutboxTellsItsAge(t *testing.T) {
	w := newWorld(t)
	clock := time.Unix(1000, 0)
	w.outbox.now = func() time.Time { return clock }
	w.append(run(1)...)
	clock = clock.Add(90 * time.Second)
	w.append(run(2)...)
	depth, oldest, err := w.outbox.Depth()
	require.NoError(t, err)
	assert.Equal(t, 8, depth)
	assert.Equal(t, 90*time.Second, oldest)
	w.openLog()
	assert.Equal(t, Status{Node: "a", Role: "leader", Leader: "a", Outbox: OutboxStatus{Depth: 8, OldestSeconds: 90}}, w.log.Status())
	_, err = w.log.step()
	require.NoError(t, err)
	assert.Equal(t, Status{Node: "a", Role: "leader", Leader: "a", Applied: 8, Commit: 8}, w.log.Status())
}

// Many writers, each of whom reads its own write.
func TestABarrierMakesOnesOwnWritesVisible(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.log.linger = time.Hour // only a barrier ends it
	w.log.Start(context.Background())
	var group errgroup.Group
	for n := range 16 {
		group.Go(func() error {
			for i := range 5 {
				id := n*100 + i
				err := w.db.Batch(func(tx *bbolt.Tx) error {
					_, err := w.outbox.Append(tx, run(id)...)
					return err
				})
				if err != nil {
					return err
				}
				if err := w.log.Barrier(context.Background()); err != nil {
					return err
				}
				err = w.log.View(context.Background(), func(v accounting.View) error {
					_, err := accounting.History(v, accounting.Everyone(), ref(id))
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	assert.Equal(t, accounting.Decimal("80"), w.charged())
}

func TestAClosedLogSaysSo(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	ctx, cancel := context.WithCancel(context.Background())
	w.log.Start(ctx)
	w.log.Start(ctx) // does nothing
	w.append(run(1)...)
	w.barrier()
	log := w.log
	waiting := make(chan error)
	log.apply = func(StoreID, []record) (outcome, error) { return outcome{}, errCrash }
	w.append(run(2)...)
	go func() { waiting <- log.Barrier(context.Background()) }()
	require.NoError(t, log.Close())
	require.ErrorIs(t, <-waiting, ErrClosed)
	require.NoError(t, log.Close())
	cancel()
	assert.ErrorIs(t, log.View(context.Background(), func(accounting.View) error { return nil }), ErrClosed)
	assert.ErrorIs(t, log.Barrier(context.Background()), ErrClosed)
	log.Start(context.Background())
	assert.ErrorIs(t, log.View(ctx, nil), context.Canceled)
}

func TestALogEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	ctx, cancel := context.WithCancel(context.Background())
	w.log.Start(ctx)
	cancel()
	<-w.log.done
	w.append(run(1)...)
	assert.Equal(t, 4, w.log.Status().Outbox.Depth, "it waits for the next start")
	assert.ErrorIs(t, w.log.Barrier(context.Background()), ErrClosed)
}

func TestTheStateOfANodeThatIsDownCanBeInspected(t *testing.T) {
	w := drained(t, 2)
	require.NoError(t, Inspect(w.dir, func(v accounting.View) error {
		list, _, err := accounting.Histories(v, accounting.HistoryFilter{Caller: accounting.Everyone()}, "", 0)
		assert.Len(t, list, 2)
		return errors.Join(err, accounting.Audit(v))
	}))
	assert.Error(t, Inspect(t.TempDir(), nil))
}

func TestABarrierOnALogThatNeverStartedEndsWithIt(t *testing.T) {
	w := newWorld(t)
	w.openLog()
	w.append(run(1)...)
	waiting := make(chan error)
	go func() { waiting <- w.log.Barrier(context.Background()) }()
	<-w.log.hurry // it waits now
	require.NoError(t, w.log.Close())
	require.ErrorIs(t, <-waiting, ErrClosed)
}
