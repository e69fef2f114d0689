package consensus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"starling/accounting"
)

// The bounds of an entry: what a slow line carries in a moment, and what a
// transaction applies in one.
const (
	entryBytes    = 128 << 10
	entryCommands = 512

	// waitingProposals is how many may wait for the leader; more are kept where
	// they come from.
	waitingProposals = 256
)

// A proposal is a group that waits for its place in the log. Large ones are
// spread over several entries.
type proposal struct {
	group group
	left  int          // commands not yet in an entry; the proposer's own
	done  chan applied // receives one answer
}

// propose puts a group into the log, and returns how far its store is applied. It
// does so as the leader or not at all.
func (r *Raft) propose(ctx context.Context, g group) (Sequence, error) {
	p, err := r.queueUp(ctx, g)
	if err != nil {
		return 0, err
	}
	return r.outcome(ctx, p)
}

// queueUp gives a group its place among those that wait.
func (r *Raft) queueUp(ctx context.Context, g group) (*proposal, error) {
	if r.raft.State() != raft.Leader {
		return nil, ErrNotLeader
	}
	if err := r.mayPropose(g); err != nil {
		return nil, err
	}
	p := &proposal{group: g, left: len(g.commands), done: make(chan applied, 1)}
	select {
	case r.proposals <- p:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.closing.Done():
		return nil, ErrNotLeader
	}
}

// outcome waits for what became of a group.
func (r *Raft) outcome(ctx context.Context, p *proposal) (Sequence, error) {
	select {
	case a := <-p.done:
		return a.sequence, a.err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	case <-r.closing.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnknownOutcome, ErrClosed)
	}
}

// phrase says what a group says so that every member takes it, where that costs
// nothing but what can be done without: else all that comes after would have to wait
// until the last node has a newer program. Which words a record came in, it is applied
// once, by its number.
func (r *Raft) phrase(g group) {
	common := 0
	for i, c := range g.commands {
		if accounting.VersionOf(c) <= 1 {
			continue
		}
		if common == 0 {
			common = r.version()
		}
		g.commands[i] = accounting.Within(c, common)
	}
}

// mayPropose refuses what some member could not apply. Who they are is looked at
// only for what not every program understands.
func (r *Raft) mayPropose(g group) error {
	newest := 1
	for i, c := range g.commands {
		v := accounting.VersionOf(c)
		if v > newest {
			newest = r.version()
		}
		if v > newest {
			return fmt.Errorf("record %d of store %s is of version %d: %w", g.first+Sequence(i), g.store, v, ErrTooEarly)
		}
	}
	return nil
}

// An entryPart is what one entry holds of a proposal.
type entryPart struct {
	proposal *proposal
	last     bool // nothing of it is left
}

// lead is the goroutine that makes entries of what waits, while there are free
// slots: the fewer entries, the fewer flushes for all.
func (r *Raft) lead() {
	var waiting []*proposal
	for {
		if len(waiting) == 0 {
			select {
			case p := <-r.proposals:
				waiting = append(waiting, p)
			case <-r.closing.Done():
				return
			}
		}
		select {
		case r.slots <- struct{}{}:
		case <-r.closing.Done():
			return
		}
		waiting = r.gather(waiting)
		groups, parts, rest := fill(waiting)
		waiting = rest
		r.enter(groups, parts)
	}
}

// gather takes all that waits.
func (r *Raft) gather(waiting []*proposal) []*proposal {
	for {
		select {
		case p := <-r.proposals:
			waiting = append(waiting, p)
		default:
			return waiting
		}
	}
}

// fill takes as much as an entry holds.
func fill(waiting []*proposal) (groups []group, parts []entryPart, rest []*proposal) {
	size, count := 0, 0
	for i, p := range waiting {
		from := len(p.group.commands) - p.left
		to := from
		for to < len(p.group.commands) && count < entryCommands && (size == 0 || size+len(p.group.commands[to]) <= entryBytes) {
			size += len(p.group.commands[to])
			count++
			to++
		}
		if to == from {
			return groups, parts, waiting[i:]
		}
		p.left -= to - from
		groups = append(groups, group{p.group.store, p.group.first + Sequence(from), p.group.commands[from:to]})
		parts = append(parts, entryPart{p, p.left == 0})
		if p.left > 0 {
			return groups, parts, waiting[i:]
		}
	}
	return groups, parts, nil
}

// enter hands an entry to raft, in order, and waits for its end elsewhere. It
// holds a slot until then.
func (r *Raft) enter(groups []group, parts []entryPart) {
	count := 0
	for _, g := range groups {
		count += len(g.commands)
	}
	r.metrics.entry.Observe(float64(count))
	r.entering.Add(1) // before raft has it, so that it is not postponed
	future := r.raft.Apply(encodeEntry(groups), enqueueTimeout)
	r.calls.Go(func() {
		answers, err := outcomeOf(future)
		r.entering.Add(-1)
		<-r.slots
		for i, part := range parts {
			switch {
			case err != nil:
				part.answer(applied{err: err})
			case answers[i].err != nil || part.last:
				part.answer(answers[i])
			}
		}
	})
}

// answer gives a proposal its answer, unless an earlier part of it has.
func (p entryPart) answer(a applied) {
	select {
	case p.proposal.done <- a:
	default:
	}
}

// enqueueTimeout bounds the wait for raft to look at an entry, which it does
// between two flushes.
const enqueueTimeout = 10 * time.Second

// outcomeOf waits for an entry, and tells what is certain from what is not.
func outcomeOf(future raft.ApplyFuture) ([]applied, error) {
	switch err := future.Error(); {
	case err == nil:
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return nil, fmt.Errorf("%w: %w", ErrNotLeader, err)
	default:
		return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	switch answer := future.Response().(type) {
	case []applied:
		return answer, nil
	case error:
		return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, answer)
	}
	return nil, fmt.Errorf("%w: it had been applied before", ErrUnknownOutcome)
}
