package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"starling/deploy/launch"
)

// What is wanted of five nodes that answer for each other on this machine.
const (
	sites       = 5
	peersAsked  = 3
	askAlone    = 8 * time.Millisecond
	askTogether = 300                    // a second
	proxyAdds   = 400 * time.Microsecond // Nomad's forwarding: 0.37 ms
)

// asking measures asking a node that asks three others, accepting at another one, and
// reading through one that is not the owner.
func asking(ctx context.Context, l *lab) (err error) {
	dir, err := os.MkdirTemp(l.Dir, "starling-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	nodes, stop, err := l.federation(ctx, dir)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	request := job{cores: 1, duration: time.Minute}.request()
	ask := func(ctx context.Context, c *client) error {
		answer, err := c.ask(ctx, request)
		if err == nil && bytes.Count(answer, []byte(`"phase":"OFFERED"`)) < 1+peersAsked {
			err = fmt.Errorf("offers of %d nodes are wanted: %.2000s", 1+peersAsked, answer)
		}
		return err
	}
	alone, err := nodes[0].put(ctx, load{clients: 1, last: l.Time, do: ask})
	if err != nil {
		return err
	}
	l.note(latency("ask, three others asked, p50 alone", alone.percentile(50), askAlone, ""))
	l.note(latency("ask, three others asked, p99 alone", alone.percentile(99), 0, ""))
	together, err := nodes[0].put(ctx, load{clients: 8, last: l.Time, do: ask})
	if err != nil {
		return err
	}
	l.note(rate("asks of 8 clients, three others asked", together, askTogether, " of the node that is asked; all five share the machine"))
	l.note(latency("ask, three others asked, p50 of 8 clients", together.percentile(50), 0, ""))
	return l.proxied(ctx, nodes, request)
}

// proxied measures what it costs to read a session at a node that doesn't own it: both
// ways are taken in turn, so that the machine treats them alike.
func (l *lab) proxied(ctx context.Context, nodes []*node, request []byte) error {
	owner, other, err := dialBoth(nodes[0], nodes[1])
	if err != nil {
		return err
	}
	defer owner.close()
	defer other.close()
	set, err := owner.ask(ctx, request)
	if err != nil {
		return err
	}
	path, err := ownOffer(set)
	if err != nil {
		return err
	}
	if err := other.accept(ctx, path); err != nil { // where it isn't the owner's, it is passed on
		return err
	}
	var direct, through []time.Duration
	for begun := time.Now(); time.Since(begun) < l.Time; {
		for _, way := range []struct {
			c     *client
			times *[]time.Duration
		}{{owner, &direct}, {other, &through}} {
			start := time.Now()
			if _, err := way.c.want(ctx, http.StatusOK, http.MethodGet, path, nil); err != nil {
				return err
			}
			*way.times = append(*way.times, time.Since(start))
		}
	}
	slices.Sort(direct)
	slices.Sort(through)
	at := pace{times: direct}.percentile(50)
	l.note(latency("read of a session at its owner, p50", at, 0, ""))
	l.note(latency("the same through another node adds, p50", pace{times: through}.percentile(50)-at, proxyAdds, "taken in turn"))
	return nil
}

// ownOffer is the path of the offer that the node which was asked has made itself.
func ownOffer(answer []byte) (string, error) {
	var set struct {
		Meta   struct{ UUID string }
		Offers []struct{ Meta struct{ UUID string } }
	}
	if err := json.Unmarshal(answer, &set); err != nil {
		return "", err
	}
	for _, o := range set.Offers {
		if o.Meta.UUID[24:] == set.Meta.UUID[24:] { // the end names the owner
			return "/sessions/" + o.Meta.UUID, nil
		}
	}
	return "", errors.New("the node that was asked offers nothing itself")
}

func dialBoth(one, other *node) (*client, *client, error) {
	first, err := one.dial()
	if err != nil {
		return nil, nil, err
	}
	second, err := other.dial()
	if err != nil {
		first.close()
		return nil, nil, err
	}
	return first, second, nil
}

// federation starts nodes that belong together, and returns them when each knows what
// all have.
func (l *lab) federation(ctx context.Context, dir string) (nodes []*node, stop func() error, err error) {
	f := &launch.Federation{}
	stop = func() (err error) {
		for _, n := range nodes {
			err = errors.Join(err, n.Stop(30*time.Second))
		}
		return err
	}
	for range sites {
		m, err := f.Add(l.Starling, dir, slices.Concat(generous, []string{"--executors", "simulator", "--set", "offers.holdTime=2s"})...)
		if err != nil {
			return nodes, stop, err
		}
		if err := m.Start(); err != nil {
			return nodes, stop, err
		}
		nodes = append(nodes, &node{Node: m.Node, dir: filepath.Join(dir, m.Name)})
		if err := m.Ready(ctx); err != nil {
			return nodes, stop, err
		}
	}
	for _, n := range nodes {
		if err := n.knowsAll(ctx); err != nil {
			return nodes, stop, err
		}
	}
	return nodes, stop, nil
}

// knowsAll waits until a node knows what all others have, and do.
func (n *node) knowsAll(ctx context.Context) error {
	c, err := n.dial()
	if err != nil {
		return err
	}
	defer c.close()
	for {
		text, err := c.want(ctx, http.StatusOK, http.MethodGet, "/federation/nodes", nil)
		if err != nil {
			return err
		}
		var known struct{ Nodes []struct{ Kinds []string } }
		if err := json.Unmarshal(text, &known); err != nil {
			return err
		}
		if !slices.ContainsFunc(known.Nodes, func(n struct{ Kinds []string }) bool { return len(n.Kinds) == 0 }) && len(known.Nodes) == sites {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
