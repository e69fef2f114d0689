package executor

import (
	"context"
	"errors"
	"net/http"
	"time"

	"starling/api/despatch"
)

// maxEarly bounds the pause after a node that answered "nothing" before the
// time was up: it has work to think about, and may have some in a moment.
const maxEarly = time.Second

// poll asks for work until there is to be no more of it: the one request that an
// idle executor has open. What it gets is performed until ctx is done.
func (e *Executor) poll(ctx context.Context) {
	trouble := e.Timing.backoff()
	early := &backoff{min: e.Timing.MinBackoff / 4, max: maxEarly, next: e.Timing.MinBackoff / 4}
	for {
		asked := time.Now()
		got, err := e.take(ctx, e.Timing.Poll)
		switch {
		case e.asking.Err() != nil:
			return
		case err != nil:
			e.troubled(err)
			trouble.pause(e.asking)
		case !got && time.Since(asked) < e.Timing.Poll/2:
			early.pause(e.asking)
		default:
			trouble.reset()
			early.reset()
		}
	}
}

// join asks for work beside poll while there is some: so that a burst of
// despatches isn't one round trip after the other.
func (e *Executor) join(ctx context.Context) {
	for {
		select {
		case <-e.more:
		case <-e.asking.Done():
			return
		}
		for got := true; got; {
			got, _ = e.take(ctx, e.Timing.Linger) // poll deals with trouble
		}
	}
}

// take asks for work, with patience, once there is a slot for it, and begins what
// it gets. Where there was some, there may be more: it calls for two that join.
func (e *Executor) take(ctx context.Context, patience time.Duration) (got bool, err error) {
	select {
	case e.slots <- struct{}{}:
	case <-e.asking.Done():
		return false, nil
	}
	d, err := e.ask(e.asking, patience)
	if d == nil {
		e.freeSlot()
		return false, err
	}
	for range 2 {
		select {
		case e.more <- struct{}{}:
		default:
		}
	}
	e.begin(ctx, d, nil, e.freeSlot)
	return true, nil
}

func (e *Executor) freeSlot() { <-e.slots }

func (e *Executor) ask(ctx context.Context, patience time.Duration) (*despatch.Despatch, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+e.Timing.Answer)
	defer cancel()
	d, _, err := e.Client.Despatch(ctx, *e.id.Load(), patience)
	if err == nil {
		e.heard.Store(time.Now().UnixNano())
	}
	return d, err
}

// troubled deals with a poll that was not answered as hoped.
func (e *Executor) troubled(err error) {
	var problem *despatch.Problem
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound {
		select {
		case e.lost <- struct{}{}:
		default:
		}
		return
	}
	e.Logger.Debug("no answer to a request for work", "error", err)
}
