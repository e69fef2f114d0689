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

// poll asks for work until there is to be no more of it. What it gets is
// performed until ctx is done.
func (e *Executor) poll(ctx context.Context) {
	trouble := e.Timing.backoff()
	early := &backoff{min: e.Timing.MinBackoff / 4, max: maxEarly, next: e.Timing.MinBackoff / 4}
	for {
		select {
		case e.slots <- struct{}{}:
		case <-e.asking.Done():
			return
		}
		asked := time.Now()
		d, err := e.ask(e.asking)
		if d != nil {
			trouble.reset()
			early.reset()
			e.begin(ctx, d, nil, e.freeSlot)
			continue
		}
		e.freeSlot()
		switch {
		case e.asking.Err() != nil:
			return
		case err != nil:
			e.troubled(err)
			trouble.pause(e.asking)
		case time.Since(asked) < e.Timing.Poll/2:
			early.pause(e.asking)
		default:
			trouble.reset()
			early.reset()
		}
	}
}

func (e *Executor) freeSlot() { <-e.slots }

func (e *Executor) ask(ctx context.Context) (*despatch.Despatch, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Timing.Poll+e.Timing.Answer)
	defer cancel()
	d, _, err := e.Client.Despatch(ctx, *e.id.Load(), e.Timing.Poll)
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
