package consensus

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
)

// waiters are those who wait until a log is so far. Each is woken when it is: of
// hundreds most would find that they have to wait on.
type waiters struct {
	list      []*waiter // guarded by the progress' lock
	waiting   atomic.Int64
	impatient chan struct{} // holds one token when one more waits
}

type waiter struct {
	reached func() bool
	done    chan error // receives one
}

// await waits until something is reached, or never will be. The function is called
// with the lock held, whenever the log has got on.
func (p *progress) await(ctx context.Context, reached func() bool) error {
	w := &waiter{reached, make(chan error, 1)}
	if done, err := p.enlist(w); done || err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		p.leave(w)
		return errors.Join(ctx.Err(), p.Err())
	}
}

// enlist adds a waiter, unless it need not wait.
func (p *progress) enlist(w *waiter) (done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.reached() {
		return true, nil
	}
	if err := p.never(); err != nil {
		return false, err
	}
	p.list = append(p.list, w)
	p.waiting.Store(int64(len(p.list)))
	select {
	case p.impatient <- struct{}{}:
	default:
	}
	return false, nil
}

func (p *progress) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.DeleteFunc(p.list, func(other *waiter) bool { return other == w })
	p.waiting.Store(int64(len(p.list)))
}

// announce wakes those who need not wait any more. The caller holds the lock.
func (p *progress) announce() {
	never := p.never()
	p.list = slices.DeleteFunc(p.list, func(w *waiter) bool {
		reached := w.reached()
		switch {
		case reached:
			w.done <- nil
		case never != nil:
			w.done <- never
		}
		return reached || never != nil
	})
	p.waiting.Store(int64(len(p.list)))
}
