package consensus

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// Bare is raft alone, with this package's entries and state machine and nothing
// before them: no session store, no outbox, nobody who waits in line. It is there
// to be measured beside the whole.
type Bare struct {
	raft  *Raft
	store StoreID
	next  Sequence
}

// Bare numbers what it enters as if it were the outbox of a store that nobody else
// uses. This node must lead.
func (r *Raft) Bare(store StoreID) *Bare { return &Bare{raft: r, store: store, next: 1} }

// Enter hands raft one entry of encoded commands, and returns what waits until it
// is applied here. Not for several goroutines.
func (b *Bare) Enter(ctx context.Context, commands [][]byte) (wait func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.raft.raft.State() != raft.Leader {
		return nil, ErrNotLeader
	}
	data := encodeEntry([]group{{b.store, b.next, commands}})
	b.next += Sequence(len(commands))
	b.raft.entering.Add(1)
	future := b.raft.raft.Apply(data, enqueueTimeout)
	return func() error {
		defer b.raft.entering.Add(-1)
		answers, err := outcomeOf(future)
		if err != nil {
			return fmt.Errorf("enter: %w", err)
		}
		return answers[0].err
	}, nil
}
