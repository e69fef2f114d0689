package executor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"starling/api/despatch"
	"starling/federation/tracing"
)

// attempt is a despatch that is being performed.
type attempt struct {
	*Executor
	despatch *despatch.Despatch
	log      *slog.Logger
	outbox   *outbox
	began    time.Time
	done     chan struct{} // closed when it has ended

	thread context.Context // of the request that the work is for
	span   tracing.Span
	work   context.Context // of the backend; its cause says why it ended
	stop   context.CancelCauseFunc

	completion *despatch.Completion // known from an earlier life
	saved      bool                 // the spool has a file
	durable    bool                 // and the completion is in it
}

func newAttempt(e *Executor, d *despatch.Despatch, r *record) *attempt {
	a := &attempt{
		Executor: e,
		despatch: d,
		log:      logger(e.Logger, d),
		began:    time.Now(),
		done:     make(chan struct{}),
	}
	var pending []despatch.Update
	if r != nil {
		pending, a.completion, a.saved = r.Updates, r.Completion, true
	}
	a.outbox = newOutbox(pending)
	a.thread, a.span = e.Tracer.Resume(context.Background(), d.Trace, d.Span, "attempt")
	a.span.Tell(tracing.Session, d.Session.UUID)
	a.span.Tell(tracing.Attempt, d.HistoryRef)
	a.span.Count(tracing.Try, d.Attempt)
	a.work, a.stop = context.WithCancelCause(a.thread)
	return a
}

// logger has the lines about an attempt say which it is.
func logger(of *slog.Logger, d *despatch.Despatch) *slog.Logger {
	of = of.With("session", d.Session.UUID, "ref", d.HistoryRef, "attempt", d.Attempt)
	if d.Trace.Valid() {
		of = of.With("trace", string(d.Trace))
	}
	return of
}

// perform does the work and reports it, from the despatch to the answered
// completion.
func (a *attempt) perform(ctx context.Context) {
	defer a.stop(nil)
	defer a.span.End()
	ctx = tracing.Join(ctx, a.thread)
	if a.completion == nil && !a.run(ctx) {
		return
	}
	if a.deliver(ctx) {
		a.Backend.Settle(a.despatch)
		a.forget()
	}
}

// run lets the backend work while another goroutine reports, and reports
// whether there is a completion to be delivered.
func (a *attempt) run(ctx context.Context) bool {
	defer context.AfterFunc(ctx, func() { a.stop(ErrDetached) })()

	reporting := make(chan struct{})
	ended, end := context.WithCancel(a.thread)
	timer := time.AfterFunc(a.Timing.Short, func() {
		defer close(reporting)
		a.report(ended)
	})
	done, err := a.Backend.Run(a.work, a.despatch, a.steps(a.outbox.put))
	end()
	short := timer.Stop()
	if !short {
		<-reporting
	}

	cause := context.Cause(a.work)
	switch {
	case errors.Is(cause, ErrRefused):
		a.Backend.Settle(a.despatch)
		a.forget()
		return false
	case errors.Is(err, ErrDetached):
		a.save()
		return false
	case err != nil:
		done = Failure(CodeInternal, err.Error(), true)
	}
	a.complete(done)
	if short && done.Outcome == despatch.Completed {
		a.outbox.dropImplied()
	}
	return true
}

// complete makes the backend's completion ours. Files that would make it too
// large for a node to take go ahead of it as updates.
func (a *attempt) complete(done despatch.Completion) {
	done.Fence = a.despatch.Fence
	done.Key = "completion"
	if done.Time.IsZero() {
		done.Time = time.Now().UTC()
	}
	done.IDs = ids(a.despatch.Identification)
	a.span.Tell(tracing.Outcome, string(done.Outcome))
	if done.Outcome != despatch.Completed {
		a.span.Fail(string(done.Outcome))
	}
	bytes := 0
	for n, f := range done.Files {
		if bytes += weightOf(f); bytes <= maxBatchBytes {
			continue
		}
		for _, f := range done.Files[n:] {
			a.outbox.put(despatch.Update{Type: despatch.FileSeen, Key: "file:" + f.Name, Time: done.Time, File: &f})
		}
		done.Files = done.Files[:n]
		break
	}
	a.completion = &done
}
