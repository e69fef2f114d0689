package executor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"starling/api/despatch"
)

// backoff is the pause before a request is repeated.
type backoff struct {
	min, max, next time.Duration
}

func (t Timing) backoff() *backoff {
	return &backoff{min: t.MinBackoff, max: t.MaxBackoff, next: t.MinBackoff}
}

// pause waits, longer each time, and reports whether ctx is still good.
func (b *backoff) pause(ctx context.Context) bool {
	wait := b.next - rand.N(b.next/2+1)
	b.next = min(b.next*2, b.max)
	return sleep(ctx, wait)
}

// log tells of a trouble: once aloud, and quietly when it is repeated.
func (b *backoff) log(to *slog.Logger, message string, err error) {
	level := slog.LevelDebug
	if b.next == b.min {
		level = slog.LevelWarn
	}
	to.Log(context.Background(), level, message, "error", err)
}

func (b *backoff) reset() { b.next = b.min }

// sleep waits and reports whether ctx is still good.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// verdict is what an answer to a report means for what comes next.
type verdict int

const (
	accepted verdict = iota
	again            // no answer, or one that may change: repeat it
	unwanted         // this report is no good, the next may be
	refused          // the attempt is not ours any more
)

// judge reads an answer. 401 and 403 are repeated: an operator who mends a
// token must not find that the reports are gone.
func judge(err error) verdict {
	if err == nil {
		return accepted
	}
	var problem *despatch.Problem
	if !errors.As(err, &problem) {
		return again
	}
	switch problem.Status {
	case http.StatusNotFound, http.StatusConflict, http.StatusGone:
		return refused
	case http.StatusUnauthorized, http.StatusForbidden:
		return again
	}
	if problem.Refused() {
		return unwanted
	}
	return again
}
