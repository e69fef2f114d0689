package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is what a number of clients do at the same time, again and again: for a time, or so many times in all.
type load struct {
	clients int
	last    time.Duration
	times   int64
	do      func(ctx context.Context, c *client) error
}

// pace is how a load went.
type pace struct {
	took  time.Duration
	node  time.Duration   // of processors that the node has used
	times []time.Duration // of each run of do, sorted
}

func (p pace) rate() float64 { return float64(len(p.times)) / p.took.Seconds() }

// percentile returns the time within which so many per cent of the runs ended.
func (p pace) percentile(percent int) time.Duration {
	if len(p.times) == 0 {
		return 0
	}
	return p.times[(len(p.times)-1)*percent/100]
}

// each is the processor time that the node has used for each run.
func (p pace) each() string {
	if len(p.times) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ms of a core each", millis(p.node)/float64(len(p.times)))
}

// put puts a load on a node.
func (n *node) put(ctx context.Context, l load) (pace, error) {
	var p pace
	var mu sync.Mutex
	var begun atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	used, err := n.processorTime()
	if err != nil {
		return p, err
	}
	start := time.Now()
	for range l.clients {
		c, err := n.dial()
		if err != nil {
			return p, err
		}
		group.Go(func() error {
			defer c.close()
			var times []time.Duration
			for time.Since(start) < l.last || begun.Add(1) <= l.times {
				begun := time.Now()
				if err := l.do(ctx, c); err != nil {
					return err
				}
				times = append(times, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			p.times = append(p.times, times...)
			return nil
		})
	}
	err = group.Wait()
	p.took = time.Since(start)
	slices.Sort(p.times)
	if err != nil {
		return p, err
	}
	p.node, err = n.processorTime()
	p.node -= used
	return p, err
}
