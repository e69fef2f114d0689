package node

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Promise 1: whatever 64 clients and the executors do at once, at no instant do
// bookings and holds exceed the capacity, and no more is despatched than there
// is. The checker knows only the sessions' plans, not the timeline.
func TestPromise1NoDoubleBookingWith64Clients(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Offers.HoldShare, o.Offers.HoldTime = 1, 2*time.Second
		o.Offers.HoldGroupsPerUser = 1000
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var executors, clients sync.WaitGroup
	for range 4 {
		executors.Go(func() { w.drive(ctx) })
	}
	var checks atomic.Int64
	executors.Go(func() {
		for ctx.Err() == nil {
			w.checkPromise1()
			checks.Add(1)
			time.Sleep(5 * time.Millisecond)
		}
	})
	var accepted atomic.Int64
	for client := range 64 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			for range 6 {
				if w.wander(ctx, random) {
					accepted.Add(1)
				}
			}
		})
	}
	clients.Wait()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return !slices.ContainsFunc(mapsValues(w.state.live), func(s *store.Session) bool { return s.Phase != ivoa.SessionOffered })
	}, 5*time.Minute, 10*time.Millisecond, "everything accepted comes to its end")
	cancel()
	w.mu.Lock()
	for _, p := range w.state.pools {
		p.scatter()
	}
	w.mu.Unlock()
	executors.Wait()
	w.checkPromise1()
	assert.NotZero(t, accepted.Load())
	assert.NotZero(t, checks.Load())
	w.audit()
}

func mapsValues[K comparable, V any](m map[K]V) []V {
	values := make([]V, 0, len(m))
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

// wander asks for something of a random size, and accepts, rejects, cancels or
// forgets it.
func (w *world) wander(ctx context.Context, random *rand.Rand) (accepted bool) {
	most := 1 + random.Int64N(8)
	set, err := w.Ask(ctx, alice, request(1, func(r *ivoa.ExecutionRequest) {
		r.Compute.(*ivoa.SimpleComputeResource).Cores = &ivoa.Range{Min: ptr(1 + random.Int64N(most)), Max: &most}
		r.Schedule.Requested.Duration = []string{"PT1S", "PT5S", "PT1H"}[random.IntN(3)]
	}), nil, Asking{})
	if !assert.NoError(w.t, err) || set.Result == ivoa.No {
		return false
	}
	s := set.Offers[random.IntN(len(set.Offers))]
	action := random.IntN(10)
	if action == 0 {
		return false
	}
	phase := ivoa.SessionAccepted
	if action == 1 {
		phase = ivoa.SessionRejected
	}
	if _, err = w.update(alice, s, phase); codeOf(err) == CodeConflict {
		return false // so slow that it expired
	}
	if !assert.NoError(w.t, err) || phase != ivoa.SessionAccepted {
		return false
	}
	if action == 2 {
		// It may have come to its end already.
		if _, err = w.update(alice, s, ivoa.SessionCancelled); err != nil {
			assert.Equal(w.t, CodeConflict, codeOf(err))
		}
	}
	return true
}

// drive runs whatever is due, at once.
func (w *world) drive(ctx context.Context) {
	for ctx.Err() == nil {
		d, _, err := w.Despatch(ctx, builtIn, w.executor, time.Second)
		if err != nil || d == nil {
			continue
		}
		c := completion(d, despatch.Completed)
		if d.Fence%7 == 0 {
			c.Outcome = despatch.Failed
		}
		u, err := identity.ParseUUID(d.HistoryRef)
		assert.NoError(w.t, err)
		_, err = w.Complete(context.Background(), builtIn, u, c)
		assert.NoError(w.t, err)
	}
}

// checkPromise1 adds up, at every instant at which something begins, what is
// booked and what is held, each offer set at its maximum.
func (w *world) checkPromise1() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	var booked []store.Plan
	held := map[identity.UUID][]store.Plan{}
	var instants []store.Millis
	for _, s := range w.state.live {
		switch {
		case s.Plan.End <= now:
			continue
		case s.Phase == ivoa.SessionOffered:
			held[s.OfferSet] = append(held[s.OfferSet], s.Plan)
		default:
			booked = append(booked, s.Plan)
		}
		instants = append(instants, max(s.Plan.Start, now))
	}
	capacity := w.options.Capacity
	for _, at := range instants {
		var total scheduling.Resources
		for _, p := range booked {
			if p.Start <= at && at < p.End {
				total = total.Add(resourcesOf(p))
			}
		}
		for _, plans := range held {
			var most scheduling.Resources
			for _, p := range plans {
				if p.Start <= at && at < p.End {
					most = most.Max(resourcesOf(p))
				}
			}
			total = total.Add(most)
		}
		if !total.Fits(capacity) {
			w.t.Errorf("%v is taken at %v, of %v", total, wall(at), capacity)
			return
		}
	}
	if running := w.state.pools[identity.UUID{}].running; !running.Fits(capacity) {
		w.t.Errorf("%v is running, of %v", running, capacity)
	}
}
