package executor

import (
	"cmp"
	"log/slog"
	"time"

	"starling/api/despatch"
	"starling/federation/tracing"
)

// Options says what an Executor is made of.
type Options struct {
	Client       *despatch.Client
	Registration despatch.Registration
	Backend      Backend
	// Spool is the directory of reports that wait for an answer; it is made if
	// need be. Empty: nothing is kept over a restart.
	Spool string
	// SendFiles says that the node can't read this machine's files: they are
	// sent to it.
	SendFiles bool
	// Pollers is how many requests for work are open at a time while there is
	// some; 0 means 8. An idle executor has one.
	Pollers int
	// Attempts bounds how many run at a time; 0 means 10,000. The node's
	// bookings bind long before.
	Attempts int
	Logger   *slog.Logger // nil: slog.Default()
	// Tracer records attempts; nil: they leave no spans.
	Tracer *tracing.Tracer
	Timing Timing
}

// Timing is how long things take; each zero value means the default.
type Timing struct {
	// Poll is how long a request for work is held: 30 s.
	Poll time.Duration
	// Linger is how long the requests that join it in a burst are held: 1 s.
	Linger time.Duration
	// Short is the age up to which an attempt reports nothing: 200 ms. When it
	// completes by then, its completion tells everything.
	Short time.Duration
	// Hold is the age from which an attempt holds a heartbeat open, for the
	// node to stop it by: 500 ms. Held is for how long at most: 20 s, and
	// never more than a third of the lease.
	Hold, Held time.Duration
	// Spacing is the least time between two requests of one attempt: 100 ms.
	// What happens meanwhile goes out together.
	Spacing time.Duration
	// MinBackoff and MaxBackoff bound the pause before a request is repeated:
	// 100 ms and 10 s. The pause doubles each time and is shortened at random
	// by up to a half, so that executors don't come back in step.
	MinBackoff, MaxBackoff time.Duration
	// Answer is how long an answer may take beyond what was asked for: 30 s.
	Answer time.Duration
	// Farewell is how long a report may take once the executor is ending: 1 s.
	Farewell time.Duration
}

// withDefaults fills in what is missing.
func (o Options) withDefaults() Options {
	o.Pollers = cmp.Or(o.Pollers, 8)
	o.Attempts = cmp.Or(o.Attempts, 10_000)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	t := &o.Timing
	t.Poll = cmp.Or(t.Poll, 30*time.Second)
	t.Linger = cmp.Or(t.Linger, time.Second)
	t.Short = cmp.Or(t.Short, 200*time.Millisecond)
	t.Hold = cmp.Or(t.Hold, 500*time.Millisecond)
	t.Held = cmp.Or(t.Held, 20*time.Second)
	t.Spacing = cmp.Or(t.Spacing, 100*time.Millisecond)
	t.MinBackoff = cmp.Or(t.MinBackoff, 100*time.Millisecond)
	t.MaxBackoff = cmp.Or(t.MaxBackoff, 10*time.Second)
	t.Answer = cmp.Or(t.Answer, 30*time.Second)
	t.Farewell = cmp.Or(t.Farewell, time.Second)
	return o
}
