package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"starling/api/despatch"
)

const (
	// atOnce is how many files are sent at a time, so that many small ones
	// aren't one round trip after the other.
	atOnce = 8
	// lastWords is how long files may still be sent once the node has ordered a
	// stop: what a cancelled program has printed is worth that, its other files
	// may come too.
	lastWords = 10 * time.Second
)

// courier is a backend that takes the files of another to the node, which can't
// read them where they lie: what programs print while they run, and everything
// before the completion that lists it.
type courier struct {
	Backend
	client *despatch.Client
	timing Timing
	log    *slog.Logger
}

// Run implements Backend.
func (c *courier) Run(ctx context.Context, d *despatch.Despatch, report Reporter) (despatch.Completion, error) {
	e := &errand{courier: c, despatch: d, report: report, followed: map[string]bool{}}
	running, end := context.WithCancel(ctx)
	done, err := c.Backend.Run(ctx, d, func(u despatch.Update) { e.pass(running, u) })
	end()
	e.following.Wait()
	if err != nil {
		return done, err
	}
	return e.deliver(ctx, done)
}

// errand is what a courier does for one attempt.
type errand struct {
	*courier
	despatch *despatch.Despatch
	report   Reporter

	following sync.WaitGroup
	mu        sync.Mutex
	followed  map[string]bool // by role
}

// pass reports an update as the node is to see it. What the program prints is
// followed from when it is first seen.
func (e *errand) pass(running context.Context, u despatch.Update) {
	if u.File != nil && local(*u.File) {
		f := *u.File
		e.follow(running, f)
		f.Location = ""
		u.File = &f
	}
	e.report(u)
}

// follow sends a file that grows, until the program has ended.
func (e *errand) follow(running context.Context, f despatch.File) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.SHA256 != "" || f.Role == "" || f.Role == despatch.RoleOutput || e.followed[f.Role] {
		return
	}
	e.followed[f.Role] = true
	e.following.Go(func() {
		err := (&parcel{errand: e, file: f}).follow(running)
		if err != nil && running.Err() == nil {
			e.log.Warn("what a program prints can't be sent while it runs", "ref", e.despatch.HistoryRef, "file", f.Name, "error", err)
		}
	})
}

// deliver sends every file of a completion and returns it as the node is to see
// it. An attempt of which a file can't be sent has been done in part.
func (e *errand) deliver(ctx context.Context, done despatch.Completion) (despatch.Completion, error) {
	sending, cancel := soonAfter(ctx)
	defer cancel()
	var missing sync.Map
	var parcels errgroup.Group
	parcels.SetLimit(atOnce)
	for n := range done.Files {
		if f := done.Files[n]; local(f) {
			done.Files[n].Location = ""
			parcels.Go(func() error {
				if err := (&parcel{errand: e, file: f}).send(sending); err != nil {
					missing.Store(f.Name, err)
				}
				return nil
			})
		}
	}
	_ = parcels.Wait() // they return none
	if errors.Is(context.Cause(ctx), ErrDetached) && sending.Err() != nil {
		return done, ErrDetached
	}
	for name, err := range missing.Range {
		e.report.Log(despatch.ActionSave, fmt.Sprintf("%s could not be sent to the node: %v", name, err))
		if done.Outcome == despatch.Completed {
			done.Outcome = despatch.Partial
		}
	}
	return done, nil
}

// soonAfter returns a context that ends some time after another; at once where
// nobody waits for what is done.
func soonAfter(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); errors.Is(cause, ErrDetached) || errors.Is(cause, ErrRefused) {
			cancel()
			return
		}
		time.AfterFunc(lastWords, cancel)
	})
	return later, func() { stop(); cancel() }
}

// local reports whether a file is one of this machine's.
func local(f despatch.File) bool { return strings.HasPrefix(f.Location, "file:") }

// pathOf is where a local file is.
func pathOf(f despatch.File) (string, error) {
	u, err := url.Parse(f.Location)
	if err != nil {
		return "", err
	}
	return u.Path, nil
}
