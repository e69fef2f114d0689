package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"starling/deploy/launch"
)

// node is a node under test, in a process of its own.
type node struct {
	*launch.Node
	dir string
}

// Everything that would bound a load by its intent rather than by its speed is set out of the way.
var generous = []string{
	"--capacity", "cores=1000000,memory=1000000,storage=1000000,gpus=0",
	"--set", "offers.holdGroupsPerUser=100000", "--set", "offers.holdShare=1", "--log-level", "warn",
}

// start starts a node and waits until it takes work. End it with stop.
func (l *lab) start(ctx context.Context, flags ...string) (_ *node, err error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	n, err := l.startIn(ctx, filepath.Join(dir, "data"), flags...)
	if err != nil {
		return nil, err
	}
	n.dir = dir
	return n, nil
}

// startIn starts a node with a data directory that outlives it, and waits until it takes work.
func (l *lab) startIn(ctx context.Context, data string, flags ...string) (*node, error) {
	n, err := launch.NewNode(l.Starling, "bench", data, slices.Concat(generous, flags)...)
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, fmt.Errorf("start a node: %w", err)
	}
	if err := n.Ready(ctx); err != nil {
		n.Kill()
		return nil, err
	}
	return &node{Node: n}, nil
}

// stop ends the node as an operator would, waits for it and removes its data.
func (n *node) stop() error {
	const patience = 30 * time.Second
	return errors.Join(n.Stop(patience), os.RemoveAll(n.dir))
}

// with measures on a node that is ended afterwards.
func (l *lab) with(ctx context.Context, measure func(*node) error, flags ...string) (err error) {
	n, err := l.start(ctx, flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	return measure(n)
}

// metric reads the sum of a metric over all of its labels that contain a text.
func (n *node) metric(ctx context.Context, name, label string) (float64, error) {
	text, err := n.metrics(ctx)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name) || !strings.Contains(line, label) {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("read the metric %s: %w", name, err)
		}
		sum += value
	}
	return sum, nil
}

// metrics are the node's own, as it writes them.
func (n *node) metrics(ctx context.Context) (string, error) {
	c, err := n.dial()
	if err != nil {
		return "", err
	}
	defer c.close()
	body, err := c.want(ctx, http.StatusOK, http.MethodGet, "/metrics", nil)
	if err != nil {
		return "", err
	}
	var own strings.Builder
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "starling_") && !strings.Contains(line, "_bucket{") {
			own.WriteString(line)
		}
	}
	return own.String(), nil
}
