package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"starling/api/despatch"
	"starling/api/ivoa"
)

// What is wanted of despatch.
const (
	idlers     = 1000
	idleMost   = 40 // kB of the node's memory for each that waits
	queued     = 10_000
	pollOver   = 2 * time.Millisecond
	updateRate = 5000 // a second
	pollWait   = 30 * time.Second
)

// despatches measures the executors' protocol, with 1,000 executors that wait and 10,000 sessions that are due.
func despatches(ctx context.Context, l *lab) error {
	return l.with(ctx, func(n *node) error {
		c, err := n.dial()
		if err != nil {
			return err
		}
		defer c.close()
		// It alone takes containers; those that wait take processes.
		busy, err := c.register(ctx, despatch.Registration{
			Name: "busy", Kinds: []string{ivoa.KindDockerContainer}, LeaseSeconds: 3600,
			Capacity: despatch.Capacity{Cores: 2 * queued, Memory: 2 * queued, Storage: 1},
		})
		if err != nil {
			return err
		}
		l.tell("  %d sessions are being queued", queued)
		if _, err := n.put(ctx, load{clients: askers, times: queued, do: func(ctx context.Context, c *client) error {
			_, err := c.book(ctx, job{cores: 1, duration: time.Hour}.request())
			return err
		}}); err != nil {
			return err
		}
		return l.beside(ctx, n, func(flock *flock) error {
			if err := l.polls(ctx, n, c, busy); err != nil {
				return err
			}
			if err := l.updates(ctx, n, busy, 1); err != nil {
				return err
			}
			if err := l.updates(ctx, n, busy, 20); err != nil {
				return err
			}
			return l.wakes(ctx, n, flock)
		})
	}, "--executors", "")
}

// polls measures how long a poll takes that finds something to do.
func (l *lab) polls(ctx context.Context, n *node, c *client, executor string) error {
	fsync, err := l.fsync()
	if err != nil {
		return err
	}
	p, err := n.put(ctx, load{clients: 1, last: l.Time / 2, times: 200, do: func(ctx context.Context, c *client) error {
		work, err := c.poll(ctx, executor, 0)
		if err == nil && work == nil {
			err = errors.New("nothing was due")
		}
		return err
	}})
	if err != nil {
		return err
	}
	l.note(latency("poll to job, p50", p.percentile(50), pollOver, fmt.Sprintf("%d executors wait, %d sessions are due; one fsync took %.2f ms just before", idlers, queued, millis(fsync))))
	l.note(latency("poll to job, p99", p.percentile(99), 0, ""))
	return nil
}

// updates measures how many exposures are taken in a second, so many in each report.
func (l *lab) updates(ctx context.Context, n *node, executor string, each int) error {
	var mu sync.Mutex
	sent := map[*client]int{}
	works := map[*client]*despatch.Despatch{}
	p, err := n.put(ctx, load{clients: askers, last: l.Time / 2, do: func(ctx context.Context, c *client) error {
		mu.Lock()
		work, from := works[c], sent[c]
		sent[c] += each
		mu.Unlock()
		if work == nil || from >= 9000 { // an entry keeps 10,000 of them
			var err error
			if work, err = c.poll(ctx, executor, 0); err != nil || work == nil {
				return errors.Join(err, errors.New("nothing was due"))
			}
			mu.Lock()
			works[c], sent[c], from = work, each, 0
			mu.Unlock()
		}
		body, err := exposures(work.Fence, from, each)
		if err == nil {
			_, err = c.want(ctx, http.StatusOK, http.MethodPost, "/history/"+work.HistoryRef+"/updates", body)
		}
		return err
	}})
	if err != nil {
		return err
	}
	count := p.rate() * float64(each)
	l.note(Figure{
		Name: fmt.Sprintf("updates, %d in a report", each), Value: count, Unit: "/s", Target: updateRate, Rate: true,
		Note: fmt.Sprintf("%.2f ms of a core each; 16 clients, each update an exposure with a file", millis(p.node)/float64(len(p.times)*each)),
	})
	return nil
}

// flock is executors that wait for work.
type flock struct {
	given chan time.Time // when one of them got some
}

// beside measures while 1,000 executors wait, and what they cost the node.
func (l *lab) beside(ctx context.Context, n *node, measure func(*flock) error) error {
	before, err := l.rested(ctx, n)
	if err != nil {
		return err
	}
	l.tell("  %d executors are beginning to wait", idlers)
	flock := &flock{given: make(chan time.Time, idlers)}
	waiting, end := context.WithCancel(ctx)
	group, waiting := errgroup.WithContext(waiting)
	for i := range idlers {
		c, err := n.dial()
		if err != nil {
			end()
			return errors.Join(err, group.Wait())
		}
		executor, err := c.register(ctx, despatch.Registration{
			Name: fmt.Sprintf("idle-%d", i), Kinds: []string{ivoa.KindProcess}, Capacity: despatch.Capacity{Cores: 1, Memory: 1, Storage: 1},
		})
		if err != nil {
			end()
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error { return flock.wait(waiting, c, executor) })
	}
	after, err := l.rested(ctx, n)
	if err == nil {
		l.note(Figure{Name: "an executor that waits", Value: (after - before) * 1000 / idlers, Unit: "kB", Target: idleMost, Note: "of the node's own memory; it has one poll of 30 s open"})
		err = measure(flock)
	}
	end()
	return errors.Join(err, group.Wait())
}

// rested is the node's own memory in MB, when it has had time to tidy up.
func (l *lab) rested(ctx context.Context, n *node) (float64, error) {
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	at, err := n.resident()
	return at.anonymous, err
}

// wait polls, and does what it is given at once, until ctx ends.
func (f *flock) wait(ctx context.Context, c *client, executor string) error {
	defer context.AfterFunc(ctx, c.close)()
	defer c.close()
	for ctx.Err() == nil {
		work, err := c.poll(ctx, executor, pollWait)
		if err == nil && work != nil {
			f.given <- time.Now()
			err = c.complete(ctx, work)
		}
		if ctx.Err() != nil {
			return nil // it was cut off
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wakes measures how long it takes from accepting an offer until the executor that waits for it has the job.
func (l *lab) wakes(ctx context.Context, n *node, flock *flock) error {
	c, err := n.dial()
	if err != nil {
		return err
	}
	defer c.close()
	var asks, wakes []time.Duration
	for began := time.Now(); time.Since(began) < l.Time/2; {
		asked := time.Now()
		answer, err := c.ask(ctx, []byte(program))
		if err != nil {
			return err
		}
		asks = append(asks, time.Since(asked))
		path, err := best(answer)
		if err != nil {
			return err
		}
		accepted := time.Now()
		if err := c.accept(ctx, path); err != nil {
			return err
		}
		select {
		case at := <-flock.given:
			wakes = append(wakes, at.Sub(accepted))
		case <-time.After(answerTime):
			return errors.New("what was accepted was not given to anybody who waits")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	slices.Sort(asks)
	slices.Sort(wakes)
	l.note(latency("accept to job of who waits, p50", pace{times: wakes}.percentile(50), 0, "two fsyncs at least"))
	l.note(latency("ask of 1,000 executors, p50", pace{times: asks}.percentile(50), 0, ""))
	return nil
}
