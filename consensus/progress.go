package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// progress is how far a log is and who waits for it to get further.
type progress struct {
	outbox *Outbox
	hurry  chan struct{} // holds one token when somebody waits

	mu       sync.Mutex
	err      error
	applied  Sequence      // of the outbox: what the state here has
	index    uint64        // of the log: what the state here has
	advanced chan struct{} // closed when one of these grows, or never will
	ended    bool          // nothing more will be drained
	closed   bool
}

func newProgress(outbox *Outbox) progress {
	return progress{outbox: outbox, hurry: make(chan struct{}, 1), advanced: make(chan struct{})}
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
	return p.await(ctx, func() bool {
		if p.applied >= target {
			return true
		}
		p.Notify()
		select {
		case p.hurry <- struct{}{}:
		default:
		}
		return false
	})
}

// await waits until something is reached; the function is called with the lock
// held, whenever the log has got on.
func (p *progress) await(ctx context.Context, reached func() bool) error {
	for {
		p.mu.Lock()
		done, advanced, err := reached(), p.advanced, p.never()
		p.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), p.Err())
		}
	}
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

// announce wakes all who wait for progress. The caller holds the lock.
func (p *progress) announce() {
	close(p.advanced)
	p.advanced = make(chan struct{})
}

// advance says how far the state is now.
func (p *progress) advance(applied Sequence, index uint64) {
	p.outbox.applied.Store(uint64(applied))
	p.mu.Lock()
	defer p.mu.Unlock()
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
