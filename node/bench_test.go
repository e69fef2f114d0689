package node

import (
	"context"
	"testing"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/scheduling"
)

// vast gives the node room for every offer that a benchmark makes.
func vast(o *Options) {
	o.Capacity = scheduling.Resources{Cores: 1e6, Memory: 1e6, Storage: 1e6}
	o.Offers.HoldShare, o.Offers.HoldGroupsPerUser = 1, 1e6
}

// BenchmarkAsk asks and gives the offers back, the store's fsync included.
func BenchmarkAsk(b *testing.B) {
	w := newWorld(b, vast)
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w.offer(alice, request(1))
		}
	})
}

// BenchmarkAccept accepts offers one after the other: the hold, the siblings and the
// audit record in one write.
func BenchmarkAccept(b *testing.B) {
	w := newWorld(b, vast)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s := w.offer(alice, request(1))
		b.StartTimer()
		if _, err := w.Update(context.Background(), alice, id(b, s), ivoa.SetPhase(ivoa.SessionAccepted), ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSession takes a session from ask to COMPLETED.
func BenchmarkSession(b *testing.B) {
	w := newWorld(b, vast)
	b.SetParallelism(8)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s := w.offer(alice, request(1))
			if _, err := w.Update(context.Background(), alice, id(b, s), ivoa.SetPhase(ivoa.SessionAccepted), ""); err != nil {
				b.Error(err)
			}
			d, _, err := w.Despatch(context.Background(), builtIn, w.executor, maxWait)
			if err != nil || d == nil {
				b.Error(err)
				return
			}
			if _, err := w.complete(d, completion(d, despatch.Completed)); err != nil {
				b.Error(err)
			}
		}
	})
}
