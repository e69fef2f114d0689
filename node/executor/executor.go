package executor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"starling/api/despatch"
)

// Executor runs a node's despatches with a backend.
type Executor struct {
	Options
	spool *spool
	slots chan struct{} // one for each attempt that may run

	id         atomic.Pointer[string] // as which the node knows us; nil before it does
	registered chan struct{}          // closed when it first does
	lost       chan struct{}          // asks for a registration at once
	heard      atomic.Int64           // when a poll was last answered, Unix nanoseconds
	more       chan struct{}          // calls for another to ask beside poll

	asking context.Context // of the requests for work
	noMore context.CancelFunc

	mu        sync.Mutex
	attempts  map[string]*attempt // by historyRef
	performed sync.WaitGroup
}

// New makes an executor. It does nothing before Run.
func New(o Options) (*Executor, error) {
	o = o.withDefaults()
	spool, err := openSpool(o.Spool)
	if err != nil {
		return nil, fmt.Errorf("open the spool of executor %s: %w", o.Registration.Name, err)
	}
	o.Logger = o.Logger.With("executor", o.Registration.Name)
	if o.SendFiles {
		o.Backend = &courier{Backend: o.Backend, client: o.Client, timing: o.Timing, log: o.Logger}
	}
	e := &Executor{
		Options:    o,
		spool:      spool,
		slots:      make(chan struct{}, o.Attempts),
		registered: make(chan struct{}),
		lost:       make(chan struct{}, 1),
		more:       make(chan struct{}),
		attempts:   map[string]*attempt{},
	}
	e.asking, e.noMore = context.WithCancel(context.Background())
	return e, nil
}

// Finish makes Run ask for no more work, and return once what it has is done
// and reported.
func (e *Executor) Finish() { e.noMore() }

// Running is how many attempts the executor has, those included that only wait
// for the answer to their last report.
func (e *Executor) Running() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.attempts)
}

// Registered returns a channel that is closed once the node knows the executor.
func (e *Executor) Registered() <-chan struct{} { return e.registered }

// Run works until ctx is done, or it has finished after Finish, and returns when
// everything it started has ended. When ctx is done, work that can go on without
// the executor does. It returns an error only when it couldn't begin.
func (e *Executor) Run(ctx context.Context) error {
	if err := e.resume(ctx); err != nil {
		return fmt.Errorf("take up the work of executor %s: %w", e.Registration.Name, err)
	}
	defer context.AfterFunc(ctx, e.noMore)()
	var registering, polls sync.WaitGroup
	known, unknown := context.WithCancel(ctx)
	registering.Go(func() { e.keepRegistered(known) })
	select {
	case <-e.registered:
		polls.Go(func() { e.poll(ctx) })
		for range e.Pollers - 1 {
			polls.Go(func() { e.join(ctx) })
		}
	case <-e.asking.Done():
	}
	polls.Wait()
	e.performed.Wait()
	unknown()
	registering.Wait()
	return nil
}

// resume takes up what an earlier life has left: unanswered completions from
// the spool, work that the backend has found again, and attempts of which only
// the spool knows, which are lost.
func (e *Executor) resume(ctx context.Context) error {
	records, err := e.spool.load(e.Logger)
	if err != nil {
		return err
	}
	adopted, err := e.Backend.Adopt(ctx)
	if err != nil {
		return err
	}
	for _, d := range adopted {
		record := records[d.HistoryRef]
		delete(records, d.HistoryRef)
		e.begin(ctx, d, record, func() {})
	}
	for _, record := range records {
		e.begin(ctx, &record.Despatch, record.orLost(), func() {})
	}
	return nil
}

// begin performs an attempt in the background; record is what the spool knows
// of it, and free is called at the end. A despatch that is being performed
// already is ignored.
func (e *Executor) begin(ctx context.Context, d *despatch.Despatch, record *record, free func()) {
	a := newAttempt(e, d, record)
	e.mu.Lock()
	running := e.attempts[d.HistoryRef]
	if running == nil || running.despatch.Fence < d.Fence {
		e.attempts[d.HistoryRef] = a
	}
	e.mu.Unlock()
	if running != nil && running.despatch.Fence >= d.Fence {
		free()
		e.Logger.Warn("despatched again what is running", "ref", d.HistoryRef, "fence", d.Fence)
		return
	}
	e.performed.Go(func() {
		defer free()
		defer e.end(a)
		if running != nil {
			running.stop(ErrRefused)
			<-running.done
		}
		a.perform(ctx)
	})
}

func (e *Executor) end(a *attempt) {
	e.mu.Lock()
	if e.attempts[a.despatch.HistoryRef] == a {
		delete(e.attempts, a.despatch.HistoryRef)
	}
	e.mu.Unlock()
	close(a.done)
}
