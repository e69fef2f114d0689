package scheduling

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// node is what a broker makes of a timeline: one mutex around it. Beside it the node keeps a plain list of what it has
// told its clients, which an auditor checks without asking the timeline.
type node struct {
	mu    sync.Mutex
	line  *Timeline
	now   Instant
	told  model
	names uint64
}

// end is when the node's day is over; every slot ends before.
const end = 400

// audit fails the test on the first instant at which what clients were told doesn't fit into the pool. The caller
// holds the mutex.
func (n *node) audit(t *testing.T) {
	var used [end]Resources
	for _, b := range n.told.bookings {
		for at := b.Slot.Start; at < b.Slot.End; at++ {
			used[at] = used[at].Add(b.Slot.Resources)
		}
	}
	for _, offers := range n.told.groups {
		for at, peak := range peaks(offers) {
			used[at] = used[at].Add(peak)
		}
	}
	for at, sum := range used {
		if !sum.Fits(n.line.Capacity()) {
			t.Errorf("at %d clients were told of %s in all, the pool has %s", at, sum, n.line.Capacity())
			return
		}
	}
}

// peaks returns the pointwise maximum of some alternatives.
func peaks(offers []Alternative) map[Instant]Resources {
	at := map[Instant]Resources{}
	for _, a := range offers {
		for i := a.Slot.Start; i < a.Slot.End; i++ {
			at[i] = at[i].Max(a.Slot.Resources)
		}
	}
	return at
}

func (n *node) name() EntryID {
	n.names++
	return numbered(int(n.names))
}

// ask is one request: propose, then, after others have had their chance, hold.
func (n *node) ask(t *testing.T, random *rand.Rand) (EntryID, []Alternative) {
	d := Demand{
		Min:       Resources{Cores: 1 + random.Int64N(3), Memory: random.Int64N(4)},
		Max:       Resources{Cores: 1 + random.Int64N(6), Memory: random.Int64N(8)},
		Preparing: Span(random.Int64N(3)), Duration: Span(1 + random.Int64N(15)), Releasing: Span(random.Int64N(3)),
	}
	n.mu.Lock()
	proposals, _ := Propose([]Candidate{{n.line, nil}}, d, Constraints{}, Limits{
		Now: n.now, HeldUntil: n.now + 10, Horizon: 100, HoldShare: 0.5,
	})
	n.mu.Unlock()

	n.mu.Lock()
	defer n.mu.Unlock()
	var offers []Alternative
	for _, p := range proposals {
		offers = append(offers, Alternative{n.name(), p.Slot})
	}
	group := n.name()
	if len(offers) == 0 {
		return group, nil
	}
	if err := n.line.Hold(group, 0.5, offers...); err != nil {
		if !errors.Is(err, ErrNoRoom) && !errors.Is(err, ErrHoldLimit) {
			t.Error(err)
		}
		return group, nil
	}
	n.told.groups[group] = offers
	n.audit(t)
	return group, offers
}

// accept takes one of the offers; all but the first of several attempts must be refused.
func (n *node) accept(t *testing.T, random *rand.Rand, group EntryID, a Alternative) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	slot := a.Slot
	slot.Start = min(max(slot.Start, n.now), slot.End-1)
	err := n.line.Accept(Booking{ID: a.ID, Slot: slot, NotBefore: n.now, Movable: random.IntN(2) == 0})
	if err != nil {
		if !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNoRoom) {
			t.Error(err)
		}
		return false
	}
	delete(n.told.groups, group)
	n.told.bookings = append(n.told.bookings, Booking{ID: a.ID, Slot: slot})
	n.audit(t)
	return true
}

// reject gives one offer back.
func (n *node) reject(t *testing.T, group EntryID, a Alternative) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.line.DropAlternative(a.ID); err != nil {
		return // it was accepted, or its siblings were
	}
	var left []Alternative
	for _, other := range n.told.groups[group] {
		if other.ID != a.ID {
			left = append(left, other)
		}
	}
	n.told.groups[group] = left
	if len(left) == 0 {
		delete(n.told.groups, group)
	}
	n.audit(t)
}

// finish ends a booking, compresses, and lets time pass.
func (n *node) finish(t *testing.T, id EntryID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now < end-200 {
		n.now++
	}
	if err := n.line.End(id, n.now); err != nil {
		t.Error(err)
		return
	}
	kept := n.told.bookings[:0]
	for _, b := range n.told.bookings {
		if b.ID == id {
			b.Slot.End = min(b.Slot.End, max(n.now, b.Slot.Start))
		}
		kept = append(kept, b)
	}
	n.told.bookings = kept
	for _, m := range n.line.Compress(n.now, 0) {
		if m.To >= m.From {
			t.Errorf("%s moved from %d to %d", m.ID, m.From, m.To)
		}
		for i, b := range n.told.bookings {
			if b.ID == m.ID {
				n.told.bookings[i].Slot.Window = m.To.From(b.Slot.Length())
			}
		}
	}
	n.audit(t)
}

// Promise 1: whatever the concurrency, holds and bookings never exceed the pool. 64 clients ask a small node, two of
// them fight for every offer, some give offers back, some end their work early.
func TestPromise1NoDoubleBookingAmong64Clients(t *testing.T) {
	n := &node{line: idle(t, 8, 8), told: model{groups: map[EntryID][]Alternative{}}}
	n.line.Prune(0)
	var clients sync.WaitGroup
	for client := range uint64(64) {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(client, 7))
			for range 30 {
				group, offers := n.ask(t, random)
				if len(offers) == 0 {
					continue
				}
				won := [2]bool{}
				rivals := sync.WaitGroup{}
				chosen := offers[random.IntN(len(offers))]
				seeds := [2]uint64{random.Uint64(), random.Uint64()}
				for i, a := range []Alternative{chosen, offers[0]} {
					rivals.Go(func() { won[i] = n.accept(t, rand.New(rand.NewPCG(seeds[i], 0)), group, a) })
				}
				rivals.Go(func() { n.reject(t, group, offers[len(offers)-1]) })
				rivals.Wait()
				if won[0] && won[1] {
					t.Errorf("two offers of group %s were accepted", group)
				}
				switch {
				case won[0] && client%2 == 0:
					n.finish(t, chosen.ID)
				case won[1] && client%2 == 0:
					n.finish(t, offers[0].ID)
				}
			}
		})
	}
	clients.Wait()
	require.NotEmpty(t, n.told.bookings, "nobody got anything")
	t.Logf("%d bookings, %d groups left, clock at %d", len(n.told.bookings), len(n.told.groups), n.now)
}
