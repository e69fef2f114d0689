package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What is wanted of sessions.
const (
	clients       = 32
	simulatedRate = 500 // a second
	processRate   = 150
)

// simulated measures sessions that run nothing.
func simulated(ctx context.Context, l *lab) error {
	return l.sessions(ctx, job{cores: 1, duration: time.Minute}.request(), simulatedRate, "--executors", "simulator")
}

// processes measures sessions that run a program.
func processes(ctx context.Context, l *lab) error {
	return l.sessions(ctx, []byte(program), processRate, "--executors", "process")
}

// sessions measures asking, accepting and running, in three ways: each client follows its session to the end, as people
// do; clients go on at once, and the node's own count says when all is done; and one client is alone.
func (l *lab) sessions(ctx context.Context, request []byte, target float64, flags ...string) error {
	whole := func(ctx context.Context, c *client) error {
		path, err := c.book(ctx, request)
		if err != nil {
			return err
		}
		return c.watch(ctx, path)
	}
	return l.with(ctx, func(n *node) error {
		alone, err := n.put(ctx, load{clients: 1, last: l.Time / 2, do: whole})
		if err != nil {
			return err
		}
		l.note(latency("ask to COMPLETED, p50 alone", alone.percentile(50), 0, ""))
		watched, err := n.put(ctx, load{clients: clients, last: l.Time, do: whole})
		if err != nil {
			return err
		}
		l.note(rate("sessions, each watched to its end", watched, target, "; 32 clients"))
		l.note(latency("ask to COMPLETED, p50 of 32 clients", watched.percentile(50), 0, ""))
		return l.counted(ctx, n, request, target)
	}, flags...)
}

// counted measures sessions that nobody watches, until the last of them has ended.
func (l *lab) counted(ctx context.Context, n *node, request []byte, target float64) error {
	before, err := n.completed(ctx)
	if err != nil {
		return err
	}
	used, err := n.processorTime()
	if err != nil {
		return err
	}
	p, err := n.put(ctx, load{clients: clients, last: l.Time, do: func(ctx context.Context, c *client) error {
		_, err := c.book(ctx, request)
		return err
	}})
	if err != nil {
		return err
	}
	waited, err := n.settle(ctx, before+float64(len(p.times)))
	if err != nil {
		return err
	}
	p.took += waited
	p.node, err = n.processorTime()
	p.node -= used
	l.note(rate("sessions, unwatched", p, target, "; 32 clients, to the end of the last"))
	return err
}

// completed is how many attempts have been completed.
func (n *node) completed(ctx context.Context) (float64, error) {
	return n.metric(ctx, "starling_attempts_total", `outcome="COMPLETED"`)
}

// stuck is how long no session may come to its end while some are still to.
const stuck = time.Minute

// settle waits until so many attempts have been completed, and returns how long that took.
func (n *node) settle(ctx context.Context, wanted float64) (time.Duration, error) {
	start := time.Now()
	for last, moved := 0.0, start; ; time.Sleep(5 * time.Millisecond) {
		done, err := n.completed(ctx)
		if err != nil {
			return 0, err
		}
		if done >= wanted {
			return time.Since(start), nil
		}
		if done > last {
			last, moved = done, time.Now()
		}
		if time.Since(moved) > stuck {
			state, err := n.metrics(ctx)
			return 0, errors.Join(fmt.Errorf("only %.0f of %.0f sessions came to their end; the node's metrics are:\n%s", done, wanted, state), err)
		}
	}
}
