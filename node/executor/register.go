package executor

import (
	"context"
	"maps"
	"slices"
	"time"

	"starling/api/despatch"
)

// keepRegistered registers, and again when the node has answered no poll for half
// as long again as it allows, or when a poll finds that it has forgotten us. It
// closes e.registered after the first.
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
			for _, message := range answer.Messages {
				e.Logger.Warn("the node doesn't take all of the registration", "message", message)
			}
			close(e.registered)
		}
		if !e.renewal(ctx, time.Duration(answer.RenewSeconds)*time.Second) {
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

// renewal waits until it is time to register again; false means the end. A poll
// is as good as a registration, but may be held for all of the time that a node
// allows; nodes bear with three times of it.
func (e *Executor) renewal(ctx context.Context, allowed time.Duration) bool {
	silence := max(allowed+allowed/2, time.Second/10)
	for began := time.Now(); ; {
		heard := time.Unix(0, e.heard.Load())
		if heard.Before(began) {
			heard = began
		}
		left := silence - time.Since(heard)
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-e.lost:
			timer.Stop()
			return true
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}
