package executor

import (
	"context"
	"maps"
	"slices"
	"time"

	"starling/api/despatch"
)

// keepRegistered registers, and again in half the time that the node allows or
// when a poller finds that the node has forgotten us. It closes e.registered
// after the first.
func (e *Executor) keepRegistered(ctx context.Context) {
	retry := e.Timing.backoff()
	told := false
	for {
		registration := e.Registration
		if !told {
			registration.Holding = e.holding()
		}
		answer, err := e.register(ctx, registration)
		if err != nil {
			if ctx.Err() == nil {
				retry.log(e.Logger, "not registered; keeps trying", err)
			}
			if !retry.pause(ctx) {
				return
			}
			continue
		}
		retry.reset()
		e.id.Store(&answer.UUID)
		if !told {
			told = true
			e.Logger.Info("registered", "uuid", answer.UUID)
			close(e.registered)
		}
		if !e.renewal(ctx, time.Duration(answer.RenewSeconds)*time.Second/2) {
			return
		}
	}
}

// holding lists the attempts that were taken up; it is never nil.
func (e *Executor) holding() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.AppendSeq([]string{}, maps.Keys(e.attempts))
}

func (e *Executor) register(ctx context.Context, r despatch.Registration) (despatch.Registered, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timing.Answer)
	defer cancel()
	return e.Client.Register(ctx, r)
}

// renewal waits until it is time to register again; false means the end.
func (e *Executor) renewal(ctx context.Context, after time.Duration) bool {
	timer := time.NewTimer(max(after, time.Second/10))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.lost:
		return true
	case <-ctx.Done():
		return false
	}
}
