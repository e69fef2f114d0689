package consensus

import (
	"context"

	"github.com/hashicorp/raft"
)

// waitingReads is how many strong reads may wait to be taken up.
const waitingReads = 4096

// A strongRead waits to learn up to which entry the state must be applied.
type strongRead struct {
	done chan indexAnswer // receives one
}

type indexAnswer struct {
	index uint64
	err   error
}

// Strong waits until the state here has all that was committed anywhere before
// the call, so that a View after it is linearizable. Without a majority it waits
// for the context, or is told ErrNotLeader or ErrUnknownOutcome.
func (r *Raft) Strong(ctx context.Context) error {
	index, err := r.queue(ctx, r.asks)
	if err != nil {
		return err
	}
	return r.await(ctx, func() bool { return r.index >= index })
}

// leaderIndex is up to where a leader's reads must be applied.
func (r *Raft) leaderIndex(ctx context.Context) (uint64, error) {
	if r.raft.State() != raft.Leader {
		return 0, ErrNotLeader
	}
	return r.queue(ctx, r.readers)
}

func (r *Raft) queue(ctx context.Context, line chan *strongRead) (uint64, error) {
	read := &strongRead{make(chan indexAnswer, 1)}
	select {
	case line <- read:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.closing.Done():
		return 0, ErrClosed
	}
	select {
	case a := <-read.done:
		return a.index, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.closing.Done():
		return 0, ErrClosed
	}
}

// ask is the goroutine that asks the leader once for all who wait.
func (r *Raft) ask() {
	r.serve(r.asks, func() (uint64, error) {
		return r.atLeader(r.closing, []byte{askIndex}, group{}, func(ctx context.Context) (uint64, error) {
			return r.leaderIndex(ctx)
		})
	})
}

// verify is the goroutine that makes sure, once for all who wait, that this node
// still leads.
func (r *Raft) verify() { r.serve(r.readers, r.verifiedIndex) }

// serve answers all who wait at once, again and again. Whoever comes while an
// answer is sought waits for the next: an older one might lack what he knows of.
func (r *Raft) serve(line chan *strongRead, find func() (uint64, error)) {
	for {
		var waiting []*strongRead
		select {
		case read := <-line:
			waiting = append(waiting, read)
		case <-r.closing.Done():
			return
		}
		for more := true; more; {
			select {
			case read := <-line:
				waiting = append(waiting, read)
			default:
				more = false
			}
		}
		index, err := find()
		for _, read := range waiting {
			read.done <- indexAnswer{index, err}
		}
	}
}

// verifiedIndex is the last committed entry, if this node was still the leader
// after it had looked. The order counts: term, index, majority, term.
func (r *Raft) verifiedIndex() (uint64, error) {
	ctx, cancel := context.WithTimeout(r.closing, r.timing.Request)
	defer cancel()
	term := r.raft.CurrentTerm()
	if r.opened.Load() != term {
		if err := r.openTerm(); err != nil {
			return 0, err
		}
	}
	index := r.raft.CommitIndex()
	return index, r.stillLeads(ctx, term)
}

// openTerm commits an entry without groups. Until a leader has committed in its
// own term it can't know what was committed before; and since raft's own first
// entry is not handed to the state, this one also makes every commit index that
// follows one that the state reaches.
func (r *Raft) openTerm() error {
	term := r.raft.CurrentTerm()
	r.entering.Add(1)
	defer r.entering.Add(-1)
	if _, err := outcomeOf(r.raft.Apply(encodeEntry(nil), enqueueTimeout)); err != nil {
		return err
	}
	if r.raft.CurrentTerm() == term {
		r.opened.Store(term)
	}
	return nil
}

// Index is the log's last entry that the state here has.
func (r *Raft) Index() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.index
}
