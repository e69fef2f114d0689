package consensus

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// The bounds of what a node hands to the leader at once, which makes several
// entries of it.
const (
	submitRecords  = 4096
	submitBytes    = 1 << 20
	accountingMost = accounting.MaxCommandBytes // the last record may pass the bound
)

// Start begins to hand the outbox to the log, until Close or the end of the
// context. A second Start does nothing.
func (r *Raft) Start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drain.done != nil || r.closed {
		return
	}
	ctx, r.drain.cancel = context.WithCancel(ctx)
	r.drain.done = make(chan struct{})
	go r.submitAll(ctx)
}

// submitAll is the drain's goroutine: group after group, one at a time and each
// until the leader has answered, so that they arrive in order.
func (r *Raft) submitAll(ctx context.Context) {
	defer close(r.drain.done)
	defer r.end()
	retry := retryFirst
	sent := r.progressed()
	for ctx.Err() == nil {
		answered, more, err := r.submitNext(ctx, max(sent, r.progressed()))
		if ctx.Err() != nil {
			return
		}
		if answered > 0 {
			sent = answered
		}
		switch {
		case fatal(err):
			r.note(fromDrain, err)
			r.log.Error("the outbox can't be handed to the log any more", "error", err)
			return
		case err != nil:
			r.note(fromDrain, err)
			sleep(ctx, retry, r.changed)
			retry = min(2*retry, r.timing.Heartbeat)
		case more:
			retry = retryFirst
		default:
			retry = retryFirst
			r.note(fromDrain, nil)
			rest(ctx, r.outbox.wake, r.hurry, r.linger)
		}
	}
}

// submitNext hands over what follows a record. answered is how far the log has the
// outbox, when that is known.
func (r *Raft) submitNext(ctx context.Context, sent Sequence) (answered Sequence, more bool, err error) {
	g, more, err := r.outbox.next(r.lives, sent, submitRecords, submitBytes)
	if err != nil {
		return 0, false, fmt.Errorf("read the outbox: %w", err)
	}
	if len(g.commands) == 0 {
		return 0, false, nil
	}
	l, _ := lifeOf(r.lives, sent+1)
	request := appendGroup([]byte{askSubmit}, g)
	n, err := r.atLeader(ctx, request, g, func(ctx context.Context) (uint64, error) {
		n, err := r.propose(ctx, g)
		return uint64(n), err
	})
	var gap *GapError
	if errors.As(err, &gap) {
		return r.stepBack(l, gap)
	}
	if err != nil {
		return 0, false, err
	}
	return l.first - 1 + Sequence(n), more, nil
}

// stepBack goes on where the log wants it. What it wants may be gone, if the log
// itself was set back: that no waiting mends.
func (r *Raft) stepBack(l life, gap *GapError) (Sequence, bool, error) {
	expected := l.first - 1 + gap.Expected
	waiting, _, err := r.outbox.after(expected-1, 1, 1)
	if err != nil {
		return 0, false, fmt.Errorf("read the outbox: %w", err)
	}
	if gap.Expected >= gap.Got || len(waiting) == 0 || waiting[0].sequence != expected {
		return 0, false, fmt.Errorf("the log has lost records that it had taken from this node: %w", gap)
	}
	return expected - 1, true, nil
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
				if leads {
					r.calls.Go(func() { _ = r.openTerm() }) // else the first strong read does
				}
			case <-r.closing.Done():
				r.raft.DeregisterObserver(observer)
				return
			}
		}
	})
}
