package node

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
)

func TestADigestTellsWhatIsFreeAndWhen(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		whole := scheduling.Resources{Cores: 8, Memory: 16, Storage: 100}
		fast, slow := w.Digest()
		assert.Equal(t, digest.Fast{Capacity: whole, Free: whole, Largest: whole, Executors: 1, Profile: []digest.Point{{Free: whole}}}, fast)
		assert.ElementsMatch(t, testKinds, slow.Kinds)
		assert.Empty(t, slow.Simulated)
		assert.Equal(t, []string{"http", "https"}, slow.Schemes)
		assert.Equal(t, w.options.Offers.MaxDuration.Seconds(), slow.MaxDuration)

		w.accepted(alice, request(6))
		fast, again := w.Digest()
		assert.Equal(t, slow, again)
		assert.Equal(t, int64(2), fast.Free.Cores)
		assert.Equal(t, 1, fast.Queue)
		require.Len(t, fast.Profile, 2, "%v", fast.Profile)
		assert.Equal(t, int64(2), fast.Profile[0].Free.Cores)
		assert.Equal(t, whole, fast.Profile[1].Free)
		assert.GreaterOrEqual(t, fast.Profile[1].After, scheduling.Minute)
		d := w.takeWork()
		fast, _ = w.Digest()
		assert.Equal(t, 0, fast.Queue)
		assert.Equal(t, 1, fast.Running)
		_, err := w.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		fast, _ = w.Digest()
		assert.Equal(t, whole, fast.Free)
		assert.Zero(t, fast.Running)
	})
}

// What one session could get is what some pool has; what is free counts all of them.
func TestADigestOfSeveralPools(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 100 {
			_, _, err := w.Register(context.Background(), robot, despatch.Registration{
				Name: fmt.Sprint("gpu-", i), Kinds: []string{ivoa.KindDockerContainer, "urn:only:here"}, Capacity: despatch.Capacity{Cores: 4, GPUs: int64(i % 3)}, Simulated: true,
			})
			require.NoError(t, err)
		}
		fast, slow := w.Digest()
		assert.Equal(t, scheduling.Resources{Cores: 408, Memory: 16, Storage: 100, GPUs: 99}, fast.Free)
		assert.Equal(t, scheduling.Resources{Cores: 8, Memory: 16, Storage: 100, GPUs: 2}, fast.Largest)
		assert.Equal(t, []digest.Point{{Free: fast.Largest}}, fast.Profile)
		assert.Equal(t, 101, fast.Executors)
		assert.Equal(t, []string{"urn:only:here"}, slow.Simulated, "containers are really run by another")
		for range 10 {
			again, _ := w.Digest()
			assert.False(t, again.News(fast, 0))
		}
		time.Sleep(aliveMillis * time.Millisecond)
		fast, slow = w.Digest()
		assert.Zero(t, fast.Executors)
		assert.Empty(t, slow.Kinds)
		assert.Equal(t, scheduling.Resources{Cores: 8, Memory: 16, Storage: 100}, fast.Capacity, "the node's own pool is its own")
	})
}

func TestANodeThatTakesNoWorkSaysSo(t *testing.T) {
	w := newWorld(t)
	fast, _ := w.Digest()
	assert.False(t, fast.Closed)
	w.diskFull.Store(true)
	_, err := w.Ask(context.Background(), alice, request(1), nil, Asking{})
	require.Error(t, err)
	fast, _ = w.Digest()
	assert.True(t, fast.Closed)
}

func TestRatesAreWhatAnHourCosts(t *testing.T) {
	tariff, err := accounting.NewTariff(accounting.TariffConfig{
		Currency: "EUR",
		Rates: map[string]accounting.RateConfig{
			"core-seconds": {Per: "3600", Price: "0.03", Carbon: "0.5"}, "gpu-seconds": {Per: "3600", Price: "1.5"}, "total-time": {Per: "3600", Price: "0.1"},
			"memory-gib-seconds": {Per: "3600", Price: "0.01"}, "storage-gib-seconds": {Per: "3600", Price: "0.001"},
		},
		Daily: []accounting.DailyConfig{{Hours: accounting.Hours{From: "22:00", To: "06:00"}, Factor: "0.5"}},
	})
	require.NoError(t, err)
	r := rates{costs: tariff, site: "test"}
	day := []digest.Rate{
		{Type: ivoa.CostMonetary, Unit: "EUR", Hour: 0.1, CoreHour: 0.03, MemoryHour: 0.01, StorageHour: 0.001, GPUHour: 1.5},
		{Type: ivoa.CostCarbon, Unit: "kg", CoreHour: 0.5},
	}
	for clock, share := range map[string]float64{"12:00": 1, "21:30": 1, "21:59": 1, "22:00": 0.5, "05:59": 0.5, "06:00": 1} {
		now, err := time.Parse(time.RFC3339, "2026-11-23T"+clock+":30Z")
		require.NoError(t, err)
		got := r.at(now)
		require.Len(t, got, len(day), "%v", got)
		for i, want := range day {
			money := share
			if i == 1 {
				money = 1
			}
			assert.Equal(t, want.Type, got[i].Type)
			assert.Equal(t, want.Unit, got[i].Unit)
			for of, pair := range map[string][2]float64{
				"hour": {want.Hour, got[i].Hour}, "core": {want.CoreHour, got[i].CoreHour}, "memory": {want.MemoryHour, got[i].MemoryHour},
				"storage": {want.StorageHour, got[i].StorageHour}, "gpu": {want.GPUHour, got[i].GPUHour},
			} {
				assert.InDelta(t, pair[0]*money, pair[1], 1e-5, "%s of %s at %s", of, want.Type, clock)
			}
		}
	}
}

// BenchmarkDigest makes the digest of a node with 2,000 bookings in the next day, and
// of one with 1,000 executors, each with a pool of its own.
func BenchmarkDigest(b *testing.B) {
	b.Run("bookings=2000", func(b *testing.B) {
		w := newWorld(b, vast)
		w.mu.Lock()
		line := w.state.pools[identity.UUID{}].timeline
		for i := range 2000 {
			start := scheduling.Instant(w.now()).Add(scheduling.Span(i%1000) * 80 * scheduling.Second)
			require.NoError(b, line.Book(scheduling.Booking{
				ID:   scheduling.EntryID{byte(i), byte(i >> 8)},
				Slot: scheduling.Slot{Window: start.From(scheduling.Span(i+1) * 7 * scheduling.Second), Resources: scheduling.Resources{Cores: 3}},
			}))
		}
		w.mu.Unlock()
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			w.Digest()
		}
	})
	b.Run("executors=1000", func(b *testing.B) {
		w := newWorld(b)
		for i := range 1000 {
			_, _, err := w.Register(context.Background(), robot, despatch.Registration{Name: fmt.Sprint(i), Kinds: testKinds, Capacity: despatch.Capacity{Cores: 4}})
			require.NoError(b, err)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			w.Digest()
		}
	})
}
