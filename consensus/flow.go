package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A flow is the groups of the outbox that are on their way to the leader. The first
// goes alone, so that its answer tells where the log is; the others follow without
// waiting for each other's answers, which are looked at in the same order.
type flow struct {
	raft *Raft
	next Sequence // the last record that is on its way
	on   []*handing
	sure Sequence // the last record that the log is known to have; 0 before the first answer
	wait sync.WaitGroup
}

// A handing is a group on its way.
type handing struct {
	life life
	to   string // the leader's server id, "" if there was none
	done chan answered
}

type answered struct {
	sequence uint64 // how far the group's store is applied
	err      error
}

// errAgain: a flow has to begin again, for reasons that need no waiting. Another
// node leads than the one that groups were sent to, or they came in another order.
var errAgain = fmt.Errorf("%w: another order, or another leader", ErrUnknownOutcome)

// flow hands over what follows a record until something goes wrong, which is what
// it returns, or the context ends. The last record that the log is known to have is
// 0 if there was no news of it. Nobody waits for an answer any more when it
// returns; what was on its way may arrive all the same.
func (r *Raft) flow(ctx context.Context, sent Sequence) (_ Sequence, err error) {
	f := &flow{raft: r, next: sent}
	ctx, cancel := context.WithCancel(ctx)
	defer f.wait.Wait()
	defer cancel()
	empty, lingers := false, false
	linger := time.NewTimer(time.Hour)
	defer linger.Stop()
	for {
		for !empty && len(f.on) < f.window() {
			if empty, err = f.more(ctx); err != nil {
				return f.sure, err
			}
		}
		if empty && len(f.on) == 0 {
			r.note(fromDrain, nil)
		}
		select {
		case a := <-f.oldest():
			if err := f.settle(a); err != nil {
				return f.sure, err
			}
		case <-r.outbox.wake:
			if r.linger <= 0 {
				empty = false
			} else if !lingers {
				linger.Reset(r.linger)
				lingers = true
			}
		case <-linger.C:
			empty, lingers = false, false
		case <-r.hurry:
			empty = false
		case <-r.changed:
			if f.moved() {
				return f.sure, errAgain
			}
		case <-ctx.Done():
			return f.sure, ctx.Err()
		}
	}
}

// window is how many groups may be on their way: as many wait at the leader as are
// in its entries.
func (f *flow) window() int {
	if f.sure == 0 {
		return 1
	}
	return 2 * f.raft.timing.InFlight
}

// moved reports whether the oldest group waits for somebody who was replaced, and
// might wait for long.
func (f *flow) moved() bool {
	_, leader := f.raft.raft.LeaderWithID()
	return len(f.on) > 0 && leader != "" && string(leader) != f.on[0].to
}

// more sends the next group, and reports whether there was none.
func (f *flow) more(ctx context.Context) (empty bool, err error) {
	g, _, err := f.raft.outbox.next(f.raft.lives, f.next, submitRecords, submitBytes)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	if len(g.commands) == 0 {
		return true, nil
	}
	f.raft.phrase(g)
	_, leader := f.raft.raft.LeaderWithID()
	h := &handing{to: string(leader), done: make(chan answered, 1)}
	h.life, _ = lifeOf(f.raft.lives, f.next+1)
	f.next += Sequence(len(g.commands))
	f.on = append(f.on, h)
	f.hand(ctx, g, h)
	return false, nil
}

// oldest is where the next answer comes from; nil if nothing is on its way.
func (f *flow) oldest() <-chan answered {
	if len(f.on) == 0 {
		return nil
	}
	return f.on[0].done
}

// settle takes the answer to the oldest group. A gap before the first is where the
// log wants to go on; one between others says only that they came in another order.
func (f *flow) settle(a answered) error {
	h := f.on[0]
	f.on = f.on[1:]
	var gap *GapError
	switch {
	case errors.As(a.err, &gap) && f.sure == 0:
		return &outboxGap{h.life, gap}
	case gap != nil:
		return errAgain
	case a.err != nil:
		return a.err
	}
	f.sure = h.life.first - 1 + Sequence(a.sequence)
	return nil
}

// hand gives a group to the leader. If that is this node, the group has its place
// in the line when hand returns.
func (f *flow) hand(ctx context.Context, g group, h *handing) {
	r := f.raft
	ctx, cancel := context.WithTimeout(ctx, r.timing.Request)
	finish := func(n uint64, err error) {
		cancel()
		h.done <- answered{n, err}
	}
	if h.to != r.id {
		f.wait.Go(func() {
			finish(r.atLeader(ctx, appendGroup([]byte{askSubmit}, g), g, func(context.Context) (uint64, error) {
				return 0, ErrNotLeader // it wasn't a moment ago; the next try finds its place in the line
			}))
		})
		return
	}
	p, err := r.queueUp(ctx, g)
	if err != nil {
		finish(0, err)
		return
	}
	f.wait.Go(func() {
		n, err := r.outcome(ctx, p)
		finish(uint64(n), err)
	})
}
