package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"starling/deploy/faults/inject"
)

// stage is where federations are made.
type stage interface {
	raise(ctx context.Context, needs *inject.Needs) (federation, error)
}

// campaign makes the runs of a plan, several at a time if wished, and writes down what
// each comes to.
type campaign struct {
	stage  stage
	times  times
	seed   uint64
	commit string
	kept   string // the directory for evidence
	say    func(string, ...any)

	mu    sync.Mutex
	book  *book
	left  []run
	tried map[string]int // how often, of runs that proved nothing
}

// mostTries is how often a run is made that proves nothing: the machine may have had
// something else to do.
const mostTries = 3

// next takes the first run that is left that can be made on a cluster with such needs;
// if there is none in this round, the first of all.
func (c *campaign) next(needs string) (run, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.left) == 0 {
		return run{}, false
	}
	pick := 0
	for i, r := range c.left {
		if r.Number == c.left[0].Number && r.needs() == needs {
			pick = i
			break
		}
	}
	r := c.left[pick]
	c.left = append(c.left[:pick:pick], c.left[pick+1:]...)
	return r, true
}

// work makes runs until none is left. A federation is used again if it was left whole
// and suits the next run. A run that is repeated has a new one: all that its users ask for
// has the names, and the keys, that it had before.
func (c *campaign) work(ctx context.Context) (err error) {
	var on federation
	var needs string
	release := func() {
		if on != nil {
			if err := on.remove(context.WithoutCancel(ctx)); err != nil {
				c.say("removing a cluster: %v", err)
			}
			on = nil
		}
	}
	defer release()
	for ctx.Err() == nil {
		r, more := c.next(needs)
		if !more {
			return nil
		}
		if on != nil && (r.needs() != needs || c.triedBefore(r)) {
			release()
		}
		if on == nil {
			if on, err = c.stage.raise(ctx, r.Fault.Needs); err != nil {
				return err
			}
			needs = r.needs()
		}
		whole, err := c.make(ctx, on, r)
		if err != nil {
			return err
		}
		if !whole {
			release()
		}
	}
	return ctx.Err()
}

// make makes one run and writes it down, unless we are told to stop.
func (c *campaign) make(ctx context.Context, on federation, r run) (whole bool, err error) {
	log := func(format string, args ...any) {
		c.say("%-24s %s", r.name(), fmt.Sprintf(format, args...))
	}
	out, record, whole := play(ctx, on, r, c.times, log)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	out.Plan, out.Commit = c.seed, c.commit
	if out.Verdict == failed {
		keeping, cancel := context.WithTimeout(ctx, 5*time.Minute)
		out.Kept, err = evidence(keeping, c.kept, r, c.seed, on, record, out)
		cancel()
		if err != nil {
			log("keeping the evidence: %v", err)
		}
	}
	tell(os.Stdout, r, c.seed, out)
	c.mu.Lock()
	defer c.mu.Unlock()
	if out.Verdict == inconclusive {
		c.postpone(r)
	}
	return whole, c.book.add(out)
}

func (c *campaign) triedBefore(r run) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tried[r.name()] > 0
}

// postpone has a run made again when all others have been.
func (c *campaign) postpone(r run) {
	if c.tried == nil {
		c.tried = map[string]int{}
	}
	if c.tried[r.name()]++; c.tried[r.name()] < mostTries {
		c.left = append(c.left, r)
	}
}
