package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"starling/cmd/starling-sim/internal/engine"
)

// mayCost is how many times longer a container may take as a session than by the engine alone.
const mayCost = 1.2

// containers measures what a session costs beside what the engine takes for the same container, the one and the other in
// turn, so that whatever else the machine does falls on both alike. Where no engine answers, there is nothing to measure.
func containers(ctx context.Context, l *lab) error {
	docker, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	if docker == nil {
		l.tell("no Docker engine: these figures are left out")
		return nil
	}
	defer docker.Close()
	request := job{cores: 1, duration: time.Minute, image: docker.Image}.request()
	return l.with(ctx, func(n *node) error {
		c, err := n.dial()
		if err != nil {
			return err
		}
		defer c.close()
		var alone, session pace
		whole := func() error {
			path, err := c.book(ctx, request)
			if err != nil {
				return err
			}
			return c.watch(ctx, path)
		}
		for begun := time.Now(); time.Since(begun) < 4*l.Time; {
			if err := alone.add(func() error { return docker.Run(ctx) }); err != nil {
				return fmt.Errorf("run a container by the engine alone: %w", err)
			}
			if err := session.add(whole); err != nil {
				return err
			}
		}
		base := alone.percentile(50)
		l.note(latency("container by the engine alone, p50", base, 0, fmt.Sprintf("create, start, wait, remove; %d of each, in turn", len(alone.times))))
		l.note(latency("container as a session, p50", session.percentile(50), time.Duration(mayCost*float64(base)), "ask to COMPLETED"))
		return nil
	}, "--executors", "docker")
}

// add times something that is done once more.
func (p *pace) add(do func() error) error {
	begun := time.Now()
	err := do()
	took := time.Since(begun)
	at, _ := slices.BinarySearch(p.times, took)
	p.times = slices.Insert(p.times, at, took)
	return err
}
