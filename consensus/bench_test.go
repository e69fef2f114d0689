package consensus

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// BenchmarkDrain takes whole sessions (a hold, an attempt, two updates, a
// completion that charges) from the outbox into the state, fsync on.
func BenchmarkDrain(b *testing.B) {
	w := newWorld(b)
	w.openLog()
	for n := 0; n < b.N; {
		require.NoError(b, w.db.Update(func(tx *bbolt.Tx) error {
			for end := min(b.N, n+1000); n < end; n++ {
				if _, err := w.outbox.Append(tx, run(n)...); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ResetTimer()
	w.log.Start(context.Background())
	require.NoError(b, w.log.Barrier(context.Background()))
	b.StopTimer()
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N)/seconds, "completions/s")
	b.ReportMetric(float64(entries(w))/seconds, "entries/s")
}

// BenchmarkBarrier is one writer that waits for its own record: append, commit,
// apply, two stores' fsyncs.
func BenchmarkBarrier(b *testing.B) {
	w := newWorld(b)
	w.openLog()
	w.log.linger = DefaultLinger
	w.log.Start(context.Background())
	commands := make([]accounting.Command, b.N)
	for n := range commands {
		commands[n] = run(n)[0]
	}
	b.ResetTimer()
	for _, c := range commands {
		w.append(c)
		w.barrier()
	}
}

// BenchmarkFsync is the floor: what one commit of one small key costs here.
func BenchmarkFsync(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		require.NoError(b, w.db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket(outboxMeta).Put([]byte("x"), []byte(time.Now().String()))
		}))
	}
}

func entries(w *world) (n uint64) {
	w.view(func(v accounting.View) {
		list, _, err := accounting.Accounts(v, accounting.AccountFilter{Caller: accounting.Everyone()}, "", 1000)
		require.NoError(w.t, err)
		for _, a := range list {
			n += a.Entries
		}
	})
	return n
}
