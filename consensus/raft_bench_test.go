package consensus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus/consensustest"
)

// benchCluster is three nodes on this machine as they would be in earnest: fsync
// on, the times of a LAN.
func benchCluster(b *testing.B) *cluster {
	c := &cluster{t: b, network: consensustest.NewLoopback(1), timing: LAN(), linger: DefaultLinger, sync: true, log: quiet()}
	b.TempDir()
	b.Cleanup(c.close)
	c.grow(3)
	return c
}

func (c *cluster) leaderWorks() *member {
	leader := c.mustLead()
	c.eventually("the leader works", func() error { return leader.log.Strong(context.Background()) })
	return leader
}

// BenchmarkRaftWriter is one writer at the leader who waits for his own record,
// beside the four commits on its path: the session store's, the leader's log's, a
// follower's log's and the state's.
func BenchmarkRaftWriter(b *testing.B) {
	c := benchCluster(b)
	leader := c.leaderWorks()
	times := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		began := time.Now()
		leader.write(run(n)[1])
		leader.barrier()
		times = append(times, time.Since(began))
	}
	b.StopTimer()
	commits := make([]time.Duration, 200)
	for i := range commits {
		began := time.Now()
		require.NoError(b, leader.db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket(outboxMeta).Put([]byte("x"), Sequence(i).bytes())
		}))
		commits[i] = time.Since(began)
	}
	slices.Sort(times)
	slices.Sort(commits)
	own, floor := times[len(times)/2], 4*commits[len(commits)/2]
	b.ReportMetric(float64(own.Microseconds()), "p50-µs")
	b.ReportMetric(float64(floor.Microseconds()), "4-commits-µs")
	b.ReportMetric(float64(own)/float64(floor), "ratio")
}

// BenchmarkRaftWriters is 512 writers at the leader, each of whom waits for his
// own record.
func BenchmarkRaftWriters(b *testing.B) {
	c := benchCluster(b)
	leader := c.leaderWorks()
	var next atomic.Int64
	store := newCommitter(leader.db)
	defer store.close()
	b.ResetTimer()
	var group sync.WaitGroup
	for range 512 {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				err := store.write(func(tx *bbolt.Tx) error {
					_, err := leader.outbox.Append(tx, run(int(n))[1])
					return err
				})
				if err == nil {
					err = leader.log.Barrier(context.Background())
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRaftBare is the same records in the same batches and the same state
// machine, with nothing before raft itself.
func BenchmarkRaftBare(b *testing.B) {
	c := benchCluster(b)
	leader := c.leaderWorks()
	var entries [][][]byte
	for n := 0; n < b.N; {
		var entry [][]byte
		for ; n < b.N && len(entry) < entryCommands/2; n++ { // half are under way, half wait
			data, err := accounting.Encode(run(n)[1])
			require.NoError(b, err)
			entry = append(entry, data)
		}
		entries = append(entries, entry)
	}
	bare := leader.log.Bare("bare")
	slots := make(chan func() error, c.timing.InFlight)
	b.ResetTimer()
	go func() {
		defer close(slots)
		for _, e := range entries {
			wait, err := bare.Enter(context.Background(), e)
			if err != nil {
				b.Error(err)
				return
			}
			slots <- wait
		}
	}()
	for wait := range slots {
		require.NoError(b, wait())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRaftStrongReads is 512 readers, half of them at a follower.
func BenchmarkRaftStrongReads(b *testing.B) {
	c := benchCluster(b)
	leader, follower := c.leaderWorks(), c.follower()
	var next atomic.Int64
	b.ResetTimer()
	var group sync.WaitGroup
	for i := range 512 {
		m := []*member{leader, follower}[i%2]
		group.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := m.log.Strong(context.Background()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

// BenchmarkRaftLeaderLost is how long a write waits whose leader has just died.
func BenchmarkRaftLeaderLost(b *testing.B) {
	c := benchCluster(b)
	var longest, sum time.Duration
	n := 0
	for b.Loop() {
		old := c.leaderWorks()
		writer := c.follower()
		c.network.Cut(old.name)
		began := time.Now()
		writer.write(run(n)[1])
		writer.barrier()
		took := time.Since(began)
		n++
		longest, sum = max(longest, took), sum+took
		c.network.Mend()
		c.eventually("the old leader follows", func() error {
			if old.log.Status().Role != "follower" {
				return errors.New("not yet")
			}
			return nil
		})
	}
	b.ReportMetric(sum.Seconds()*1000/float64(n), "ms-mean")
	b.ReportMetric(longest.Seconds()*1000, "ms-most")
}
