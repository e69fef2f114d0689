package executor

import (
	"context"
	"errors"
	"time"

	"starling/api/despatch"
)

// report sends an attempt's updates while it runs, and heartbeats when there
// are none, until the work has ended or is refused.
func (a *attempt) report(ended context.Context) {
	retry := a.Timing.backoff()
	lease := a.despatch.Lease
	for ended.Err() == nil {
		updates := a.outbox.batch()
		if len(updates) == 0 && !a.old() {
			a.idle(ended, a.Timing.Hold-time.Since(a.began))
			continue
		}
		a.journal()
		asked := time.Now()
		wait := a.held(lease, len(updates))
		answer, err := a.update(ended, updates, wait)
		if ended.Err() != nil {
			return // the rest goes out with the completion
		}
		if !a.judged(err, len(updates)) {
			return
		}
		if judge(err) == again && !errors.Is(err, errInterrupted) {
			a.save()
			retry.pause(ended)
			continue
		}
		retry.reset()
		if err == nil {
			lease = answer.Lease
			a.obey(answer.Stop)
		}
		a.rest(ended, asked, wait, lease)
	}
}

// old reports whether the attempt has run long enough to hold a heartbeat.
func (a *attempt) old() bool { return time.Since(a.began) >= a.Timing.Hold }

// held is how long the next request may be held back: not at all when it has
// something to tell or the work is being stopped already.
func (a *attempt) held(lease despatch.Lease, updates int) time.Duration {
	if updates > 0 || a.work.Err() != nil {
		return 0
	}
	if lease.Seconds > 0 {
		return min(a.Timing.Held, time.Duration(lease.Seconds)*time.Second/3)
	}
	return a.Timing.Held
}

// errInterrupted means that a held heartbeat was given up for something better.
var errInterrupted = errors.New("interrupted")

// update sends updates, or a heartbeat. A held heartbeat ends as soon as there
// is something to send; the order to stop that it may have missed is in the
// next answer too.
func (a *attempt) update(ctx context.Context, updates []despatch.Update, wait time.Duration) (despatch.UpdatesAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+a.Timing.Answer)
	defer cancel()
	if wait > 0 {
		held, interrupt := context.WithCancelCause(ctx)
		if !a.outbox.hold(func() { interrupt(errInterrupted) }) {
			interrupt(errInterrupted)
		}
		defer a.outbox.release()
		ctx = held
	}
	if len(updates) == 0 {
		updates = []despatch.Update{a.outbox.heartbeat()}
	}
	report := despatch.Updates{Fence: a.despatch.Fence, Updates: updates}
	answer, err := a.Client.Update(ctx, a.despatch.HistoryRef, report, wait)
	if err != nil && context.Cause(ctx) == errInterrupted {
		err = errInterrupted
	}
	return answer, err
}

// judged draws the consequences of an answer to n updates, and reports whether
// the attempt is still ours.
func (a *attempt) judged(err error, n int) bool {
	switch judge(err) {
	case accepted:
		a.outbox.drop(n)
	case unwanted:
		a.log.Warn("the node doesn't take these updates; they are dropped", "updates", n, "error", err)
		a.outbox.drop(n)
	case refused:
		a.log.Warn("the node refuses this attempt; its work is stopped and its reports are dropped", "error", err)
		a.stop(ErrRefused)
		return false
	}
	return true
}

// obey stops the work if the node says so.
func (a *attempt) obey(order *despatch.Stop) {
	if order != nil && a.work.Err() == nil {
		a.log.Info("stopped by the node", "reason", order.Reason)
		a.stop(&StopError{*order})
	}
}

// rest paces requests: events that come in quick succession go out together, a
// node that doesn't hold heartbeats isn't besieged, and work that is being
// stopped needs no more than its lease.
func (a *attempt) rest(ended context.Context, asked time.Time, wait time.Duration, lease despatch.Lease) {
	if a.work.Err() != nil {
		a.idle(ended, max(time.Second, time.Duration(lease.Seconds)*time.Second/3))
		return
	}
	if sleep(ended, a.Timing.Spacing-time.Since(asked)) && wait > 0 && time.Since(asked) < wait/2 {
		a.idle(ended, time.Second)
	}
}

// idle waits for something to send, but not for longer than d.
func (a *attempt) idle(ended context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-a.outbox.wake:
	case <-timer.C:
	case <-ended.Done():
	}
}

// deliver sends what is left and then the completion, until both are answered.
// It reports whether the attempt is settled; if not, the spool has it.
func (a *attempt) deliver(ctx context.Context) bool {
	retry := a.Timing.backoff()
	for {
		err := a.deliverOnce(ctx)
		switch judge(err) {
		case accepted:
			return true
		case refused, unwanted:
			a.log.Warn("the node refuses this attempt's last report; it is dropped", "error", err)
			return true
		}
		a.saveDurably()
		if ctx.Err() != nil {
			return false
		}
		retry.log(a.log, "completion not delivered; keeps trying", err)
		retry.pause(ctx)
	}
}

// deliverOnce tries once; at the executor's end it gives the node a last moment.
func (a *attempt) deliverOnce(ctx context.Context) error {
	try, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(a.Timing.Farewell, cancel) })()
	for {
		updates := a.outbox.batch()
		if len(updates) == 0 {
			break
		}
		_, err := a.update(try, updates, 0)
		switch judge(err) {
		case again, refused:
			return err
		}
		a.judged(err, len(updates))
	}
	completing, done := context.WithTimeout(try, a.Timing.Answer)
	defer done()
	return a.Client.Complete(completing, a.despatch.HistoryRef, *a.completion)
}
