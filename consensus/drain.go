package consensus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"starling/accounting"
)

// drain is the log's one goroutine: batch after batch, until the context ends
// or the store breaks. What waits while one batch is written makes the next.
func (l *Local) drain(ctx context.Context) {
	defer close(l.done)
	defer l.end()
	retry := retryFirst
	for ctx.Err() == nil {
		more, err := l.step()
		if l.settle(err) {
			l.log.Info("log is written again")
		}
		switch {
		case fatal(err):
			l.log.Error("log stopped: its store is broken", "error", err)
			l.fail(err)
			return
		case err != nil:
			l.log.Warn("log could not be written; trying again", "error", err, "wait", retry)
			sleep(ctx, retry, nil)
			retry = min(2*retry, retryMost)
		case more:
			retry = retryFirst
		default:
			retry = retryFirst
			rest(ctx, l.outbox.wake, l.hurry, l.linger)
		}
	}
}

// rest waits for work, and then lingers a little for more of it.
func rest(ctx context.Context, wake, hurry <-chan struct{}, linger time.Duration) {
	select {
	case <-wake:
	case <-ctx.Done():
		return
	}
	if linger > 0 {
		sleep(ctx, linger, hurry)
	}
}

// sleep waits, but no longer than the context, or than a token takes to come.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-ctx.Done():
	}
}

// step applies one batch. It reports whether more waits already.
func (l *Local) step() (more bool, err error) {
	l.mu.Lock()
	applied := l.applied
	l.mu.Unlock()
	batch, more, err := l.outbox.after(applied, batchRecords, batchBytes)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	if len(batch) == 0 {
		return false, nil
	}
	began := time.Now()
	var done outcome
	err = guard(func() (err error) {
		done, err = l.apply(l.store, batch)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("write the state: %w", err)
	}
	l.metrics.batch(done, time.Since(began))
	for _, r := range done.rejected {
		l.log.Error("record refused", "store", r.Store, "sequence", r.Sequence, "reason", r.Reason)
	}
	l.advance(done.applied, done.index)
	return more, nil
}

// fatal errors do not pass by waiting.
func fatal(err error) bool {
	var gap *GapError
	return errors.Is(err, ErrCorrupt) || errors.Is(err, accounting.ErrCorrupt) || errors.Is(err, ErrTooNew) || errors.As(err, &gap)
}

// guard turns what a damaged file does to bbolt into an error: bbolt panics on
// pages that make no sense.
func guard(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrCorrupt, cause, debug.Stack())
		}
	}()
	return guardFaults(do)
}

// guardFaults does so for the fault that reading a file cut short is, and leaves
// other panics to who caused them.
func guardFaults(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		fault, ok := cause.(interface {
			error
			Addr() uintptr
		})
		if !ok {
			panic(cause)
		}
		err = fmt.Errorf("%w: %w", ErrCorrupt, fault)
	}()
	return do()
}
