package consensus

import (
	"context"
	"sync"
	"time"
)

// turnstile lets the groups of other nodes' outboxes into the line of those that
// wait for their place in the log in the order in which they were numbered. A node
// sends several without waiting, and they arrive in any order; an entry with a gap
// is good for nothing.
type turnstile struct {
	patience time.Duration // how long a group waits for the one before it

	mu    sync.Mutex
	next  map[StoreID]Sequence // which comes next, of stores that something came of
	moved chan struct{}        // closed when one of them grows
}

// turnsMost is how many stores are remembered: more than there are nodes. Without
// the rest groups may go wrong once, and come again.
const turnsMost = 1024

func newTurnstile(patience time.Duration) turnstile {
	return turnstile{patience: patience, next: map[StoreID]Sequence{}, moved: make(chan struct{})}
}

// wait returns when it is a group's turn, as far as is known here, or when the one
// before it has not come for long: it may never come, or have gone to another
// leader.
func (t *turnstile) wait(ctx context.Context, g group) error {
	var late <-chan time.Time
	for {
		t.mu.Lock()
		next, known := t.next[g.store]
		moved := t.moved
		t.mu.Unlock()
		if !known || g.first <= next {
			return nil
		}
		if late == nil {
			timer := time.NewTimer(t.patience)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-moved:
		case <-late:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passed says that a group has its place.
func (t *turnstile) passed(g group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if next, known := t.next[g.store]; known && g.last() < next {
		return // it came again
	}
	if len(t.next) >= turnsMost {
		clear(t.next)
	}
	t.next[g.store] = g.last() + 1
	t.stir()
}

// forget is called when the leadership changes: what was let in then may be lost,
// or have gone on elsewhere.
func (t *turnstile) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.next)
	t.stir()
}

// stir wakes all who wait. The caller holds the lock.
func (t *turnstile) stir() {
	close(t.moved)
	t.moved = make(chan struct{})
}

// proposeInTurn proposes a group of another node after those that it sent before.
func (r *Raft) proposeInTurn(ctx context.Context, g group) (Sequence, error) {
	if err := r.turns.wait(ctx, g); err != nil {
		return 0, err // nothing was done
	}
	p, err := r.queueUp(ctx, g)
	if err != nil {
		return 0, err
	}
	r.turns.passed(g)
	return r.outcome(ctx, p)
}
