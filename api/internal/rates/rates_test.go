package rates

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func TestWhoAsksTooOftenWaits(t *testing.T) {
	table := New[string](Rate{PerSecond: 10, Burst: 3}, 100)
	for range 3 {
		assert.Zero(t, table.Take("alice", start))
	}
	wait := table.Take("alice", start)
	assert.InDelta(t, 100*time.Millisecond, wait, float64(time.Millisecond))
	assert.Zero(t, table.Take("bob", start), "each has a bucket")
	assert.Positive(t, table.Take("alice", start.Add(wait/2)), "asking again meanwhile costs nothing")
	assert.Zero(t, table.Take("alice", start.Add(wait)))
	assert.Positive(t, table.Take("alice", start.Add(wait)))
	later := start.Add(time.Hour)
	for range 3 {
		assert.Zero(t, table.Take("alice", later), "full again, and not fuller")
	}
	assert.Positive(t, table.Take("alice", later))
}

// A crowd makes those forgotten who have been silent longest, and nothing grow.
func TestOnlySoManyAreRemembered(t *testing.T) {
	table := New[int](Rate{PerSecond: 1, Burst: 1}, 100)
	for asker := range 10_000 {
		require.Zero(t, table.Take(asker, start))
		if asker > 0 {
			assert.Positive(t, table.Take(0, start), "who keeps asking is remembered")
		}
	}
	assert.Equal(t, 100, table.buckets.Len())
	assert.Positive(t, table.Take(9_999, start))
	assert.Zero(t, table.Take(5, start))
}

func TestNoRateIsNoBound(t *testing.T) {
	table := New[string](Rate{Burst: 1}, 100)
	for range 1000 {
		assert.Zero(t, table.Take("alice", start))
	}
}

func TestManyAtOnceGetNoMore(t *testing.T) {
	table := New[string](Rate{PerSecond: 1, Burst: 500}, 10)
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 1000 {
				if table.Take("alice", start) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	wait.Wait()
	assert.EqualValues(t, 500, taken.Load())
}

func BenchmarkTake(b *testing.B) {
	table := New[string](Rate{PerSecond: 1e9, Burst: 1e9}, 1<<16)
	users := make([]string, 1<<10)
	for i := range users {
		users[i] = "https://iam.example/" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			table.Take(users[i*7919&(1<<10-1)], start)
		}
	})
}
