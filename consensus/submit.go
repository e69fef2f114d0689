package consensus

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// The bounds of a group that a node hands to the leader: an entry's.
const (
	submitRecords  = entryCommands
	submitBytes    = entryBytes
	accountingMost = accounting.MaxCommandBytes // the last record may pass the bound
)

// Start begins to hand the outbox to the log, and to place votes when this node
// leads, until Close or the end of the context. A second Start does nothing.
func (r *Raft) Start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drain.done != nil || r.closed {
		return
	}
	ctx, r.drain.cancel = context.WithCancel(ctx)
	r.drain.done = make(chan struct{})
	go r.submitAll(ctx)
	r.calls.Go(func() { r.tend(ctx) })
}

// submitAll is the drain's goroutine. What goes wrong with a group voids those
// behind it, so that it begins again at the last one that was taken.
func (r *Raft) submitAll(ctx context.Context) {
	defer close(r.drain.done)
	defer r.end()
	retry := retryFirst
	sent := r.progressed()
	for ctx.Err() == nil {
		answered, err := r.flow(ctx, max(sent, r.progressed()))
		if ctx.Err() != nil {
			return
		}
		if answered > 0 {
			sent, retry = answered, retryFirst
		}
		var gap *outboxGap
		if errors.As(err, &gap) {
			if sent, err = r.stepBack(gap); err == nil {
				continue
			}
		}
		if errors.Is(err, errAgain) {
			continue
		}
		r.note(fromDrain, err)
		if fatal(err) {
			r.log.Error("the outbox can't be handed to the log any more", "error", err)
			return
		}
		sleep(ctx, retry, r.changed)
		retry = min(2*retry, r.timing.Heartbeat)
	}
}

// An outboxGap is a gap in a life of the outbox.
type outboxGap struct {
	life life
	*GapError
}

// stepBack is where to go on: where the log wants it. What it wants may be gone, if
// the log itself was set back: that no waiting mends.
func (r *Raft) stepBack(gap *outboxGap) (Sequence, error) {
	expected := gap.life.first - 1 + gap.Expected
	waiting, _, err := r.outbox.after(expected-1, 1, 1)
	if err != nil {
		return 0, fmt.Errorf("read the outbox: %w", err)
	}
	if gap.Expected >= gap.Got || len(waiting) == 0 || waiting[0].sequence != expected {
		return 0, fmt.Errorf("the log has lost records that it had taken from this node: %w", gap.GapError)
	}
	return expected - 1, nil
}

// progressed is how much of the outbox is applied here.
func (r *Raft) progressed() Sequence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// ownApplied is how much of the outbox the state has.
func (r *Raft) ownApplied(tx *bbolt.Tx) Sequence {
	positions := tx.Bucket(appliedBucket)
	return reached(r.lives, func(store StoreID) Sequence { return sequenceOf(positions.Get([]byte(store))) })
}

// where finds how far the state is when the log is opened.
func (r *Raft) where(tx *bbolt.Tx) error {
	r.advance(r.ownApplied(tx), raftPosition(tx).index)
	return r.outbox.db.Update(func(own *bbolt.Tx) error { return r.outbox.trim(own, trimAtStart) })
}

// watch wakes the drain when there is another leader, and opens the terms that
// this node leads.
func (r *Raft) watch() {
	seen := make(chan raft.Observation, 8)
	observer := raft.NewObserver(seen, false, func(o *raft.Observation) bool {
		_, leader := o.Data.(raft.LeaderObservation)
		return leader
	})
	r.raft.RegisterObserver(observer)
	r.calls.Go(func() {
		for {
			select {
			case <-seen:
				select {
				case r.changed <- struct{}{}:
				default:
				}
			case leads := <-r.raft.LeaderCh():
				r.log.Info("leadership of the log", "leads", leads)
				r.turns.forget()
				if leads {
					select {
					case r.leads <- struct{}{}:
					default:
					}
					r.calls.Go(func() { _ = r.openTerm() }) // else the first strong read does
				}
			case <-r.closing.Done():
				r.raft.DeregisterObserver(observer)
				return
			}
		}
	})
}
