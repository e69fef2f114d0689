package bench

import (
	"context"
	"fmt"
	"time"
)

// What is wanted of memory.
const (
	finished   = 100_000
	memoryMost = 100 // MB
	rest       = 5 * time.Second
)

// memory measures what a node takes when 100,000 sessions have finished.
func memory(ctx context.Context, l *lab) error {
	request := job{cores: 1, duration: time.Minute}.request()
	return l.with(ctx, func(n *node) error {
		l.tell("  %d sessions are being run", finished)
		p, err := n.put(ctx, load{clients: clients, times: finished, do: func(ctx context.Context, c *client) error {
			_, err := c.book(ctx, request)
			return err
		}})
		if err != nil {
			return err
		}
		if _, err := n.settle(ctx, finished); err != nil {
			return err
		}
		l.note(rate("sessions, 100,000 in a row", p, 0, ""))
		at, err := n.resident()
		if err != nil {
			return err
		}
		l.note(size("memory at the end of the last", at.anonymous, 0, "without pages of files"))
		if err := pause(ctx, rest); err != nil {
			return err
		}
		if at, err = n.resident(); err != nil {
			return err
		}
		l.note(size("memory after 5 s of rest", at.anonymous, memoryMost, fmt.Sprintf("and %.0f MB of pages of mapped files, which the kernel takes back as it likes", at.files)))
		return nil
	}, "--executors", "simulator")
}

func size(name string, megabytes, target float64, note string) Figure {
	return Figure{Name: name, Value: megabytes, Unit: "MB", Target: target, Note: note}
}

// pause lets a node rest.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
