package consensus

import (
	"context"
	"fmt"
	"sync"
)

// progress is how far a log is and who waits for it to get further.
type progress struct {
	outbox   *Outbox
	hurry    chan struct{} // holds one token when somebody waits for the outbox
	overlays overlays

	mu      sync.Mutex
	err     error
	applied Sequence // of the outbox: what the state here has
	index   uint64   // of the log: what the state here has
	ended   bool     // nothing more will be drained
	closed  bool
	waiters

	failed chan struct{} // closed when a store is broken for good
	fails  sync.Once
}

func newProgress(outbox *Outbox) progress {
	return progress{
		outbox: outbox, hurry: make(chan struct{}, 1), failed: make(chan struct{}),
		waiters:  waiters{impatient: make(chan struct{}, 1)},
		overlays: overlays{bytes: overlayBytes, sure: overlaySure, time: overlayTime},
	}
}

// Notify wakes the log after a commit. Outbox.Append sees to it.
func (p *progress) Notify() { p.outbox.Notify() }

// Barrier waits until all that was committed to the outbox before the call is
// applied here, so that a View after it sees the caller's own writes. It ends
// early with the context, and when the log has ended (ErrClosed or what broke
// it). A log that is not started, or on a full disk, or without a leader, makes
// it wait.
func (p *progress) Barrier(ctx context.Context) error {
	target, err := p.outbox.last()
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	p.Notify()
	select {
	case p.hurry <- struct{}{}:
	default:
	}
	return p.await(ctx, func() bool { return p.applied >= target })
}

// never is why the log will not get on any more, nil while it may. The caller
// holds the lock.
func (p *progress) never() error {
	switch {
	case fatal(p.err):
		return p.err
	case p.closed, p.ended:
		return ErrClosed
	}
	return nil
}

// advance says how far the state is now.
func (p *progress) advance(applied Sequence, index uint64) {
	p.outbox.applied.Store(uint64(applied))
	p.mu.Lock()
	defer p.mu.Unlock()
	if applied != p.applied {
		p.overlays.drop()
	}
	p.applied, p.index = applied, index
	p.announce()
}

// Err is why the log does not get on, nil while it does. It may pass (a full
// disk) or not (a broken store).
func (p *progress) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Failed is closed when a file turns out to be broken, or the log to hold what only
// a newer program understands: Err says which. No waiting mends that, and what the
// node would serve might be wrong, so that its process should end.
func (p *progress) Failed() <-chan struct{} { return p.failed }

// fail says so, if an error is of that kind. A gap is not: the files are whole.
func (p *progress) fail(err error) {
	if fatal(err) && !isGap(err) {
		p.fails.Do(func() { close(p.failed) })
	}
}

// settle remembers how the last step went, and reports whether it is the first
// that works again.
func (p *progress) settle(err error) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	again = p.err != nil && err == nil
	p.err = err
	return again
}

// end says that nothing more will be drained.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.announce()
}
