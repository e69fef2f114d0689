package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"starling/deploy/launch"
)

// added is what a read may take longer through another node: what Nomad's forwarding
// takes, and a little.
const added = 400 * time.Microsecond

// proxied measures reading a session at the node that has it, and through another.
func proxied(ctx context.Context, l *lab) (err error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	flock, err := launch.NewFederation(l.Starling, dir, 2, generous...)
	if err != nil {
		return err
	}
	flock.Nodes[0].Arguments = append(flock.Nodes[0].Arguments, "--executors", "simulator")
	flock.Nodes[1].Arguments = append(flock.Nodes[1].Arguments, "--executors", "") // so that the session is the other's
	var clients []*client
	for _, m := range flock.Nodes {
		if err := m.Start(); err != nil {
			return fmt.Errorf("start node %s: %w", m.Name, err)
		}
		defer func() { err = errors.Join(err, m.Stop(answerTime)) }()
		if err := m.Ready(ctx); err != nil {
			return err
		}
		c, err := (&node{Node: m.Node, dir: filepath.Join(dir, m.Name)}).dial()
		if err != nil {
			return err
		}
		defer c.close()
		clients = append(clients, c)
	}
	path, err := clients[0].book(ctx, job{cores: 1, duration: time.Hour, from: time.Now().Add(24 * time.Hour)}.request())
	if err != nil {
		return err
	}
	if err := untilKnown(ctx, clients[1], path); err != nil {
		return err
	}
	var times [2]pace
	for start := time.Now(); time.Since(start) < l.Time; {
		for i, c := range clients { // in turn, as what else goes on changes
			begun := time.Now()
			if _, err := c.want(ctx, http.StatusOK, http.MethodGet, path, nil); err != nil {
				return err
			}
			times[i].times = append(times[i].times, time.Since(begun))
		}
	}
	for i := range times {
		slices.Sort(times[i].times)
	}
	direct, through := times[0].percentile(50), times[1].percentile(50)
	l.note(latency("a session is read, p50 alone", direct, 0, ""))
	l.note(latency("the same through another node, p50", through, 0, fmt.Sprintf("p99 %.2f ms", millis(times[1].percentile(99)))))
	l.note(latency("what the other node adds, p50", through-direct, added, "line without TLS, as in development"))
	return nil
}

// untilKnown waits until a node can ask the other on somebody's behalf.
func untilKnown(ctx context.Context, c *client, path string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		status, answer, err := c.do(ctx, http.MethodGet, path, nil)
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the nodes don't know each other: %.300s", answer)
		}
	}
}
