package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"starling/deploy/faults/load"
	"starling/deploy/launch"
)

// soak is one federation that is soaked.
type soak struct {
	plan
	size  int
	log   *slog.Logger
	nodes []*launch.Member

	samples []sample
	level   map[string]sample // of each node, before the load
	final   map[string]sample // after it
	figures load.Figures
	leaks   []string
}

// run soaks the federation.
func (s *soak) run(ctx context.Context) error {
	sites, err := s.start(ctx)
	defer s.kill()
	if err != nil {
		return err
	}
	if err := s.load(ctx, sites, s.warm, s.seed); err != nil {
		return fmt.Errorf("warm %d nodes up: %w", s.size, err)
	}
	if s.level, err = s.rests(ctx); err != nil {
		return err
	}
	s.log.Info("the level is taken", "a", s.level["a"].String())

	sampling, stop := context.WithCancel(ctx)
	var sampler sync.WaitGroup
	sampler.Go(func() { s.keepSampling(sampling) })
	err = s.load(ctx, sites, s.duration, s.seed+1)
	stop()
	sampler.Wait()
	if err != nil {
		return fmt.Errorf("load %d nodes: %w", s.size, err)
	}
	if s.final, err = s.rests(ctx); err != nil {
		return err
	}
	s.leaks = s.findLeaks()
	for _, m := range s.nodes {
		if err := m.Stop(time.Minute); err != nil {
			return err
		}
	}
	return nil
}

// start has the nodes make a federation. What they hold for somebody lapses within
// seconds, and what lapsed is forgotten soon.
func (s *soak) start(ctx context.Context) ([]load.Site, error) {
	dir := filepath.Join(s.dir, fmt.Sprint(s.size))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	flags := []string{
		"--executors", "", "--log-level", "warn", "--set", "offers.holdTime=20s", "--set", "sessions.offerRetention=30s",
		"--set", "offers.holdGroupsPerUser=1000", "--set", "uploads.retention=1m", "--set", "sessions.lease=20s",
	}
	f, err := launch.NewFederation(s.program, dir, s.size, flags...)
	if err != nil {
		return nil, err
	}
	if s.size == 1 { // alone, it has neither gossip nor voters
		node, err := launch.NewNode(s.program, "a", filepath.Join(dir, "a"), flags...)
		if err != nil {
			return nil, err
		}
		f.Nodes[0].Node = node
	}
	var sites []load.Site
	for _, m := range f.Nodes {
		if err := os.MkdirAll(m.Data, 0o700); err != nil {
			return nil, err
		}
		if err := m.Start(); err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, m)
		if err := m.Ready(ctx); err != nil {
			return nil, err
		}
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: 10 * time.Second}}
		sites = append(sites, load.Development(m.Name, m.URL, m.Data, client))
	}
	return sites, nil
}

func (s *soak) kill() {
	for _, m := range s.nodes {
		m.Kill()
	}
}

// load has users come for a while, and waits until all that they wanted has ended.
func (s *soak) load(ctx context.Context, sites []load.Site, lasting time.Duration, seed uint64) error {
	l, err := load.Start(ctx, load.Options{Sites: sites, Seed: seed, Rate: s.rate, Pace: time.Second, Forget: true, Log: s.log})
	if err != nil {
		return err
	}
	wait(ctx, lasting)
	ending, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	record := l.Stop(ending)
	s.figures = record.Figures
	s.log.Info("the load is over", "figures", s.figures.String())
	return ctx.Err()
}

// rests waits until nothing is left of the load but what is kept, and takes a sample
// of each node.
func (s *soak) rests(ctx context.Context) (map[string]sample, error) {
	wait(ctx, s.rest)
	last := map[string]sample{}
	for _, m := range s.nodes {
		one, err := take(ctx, m)
		if err != nil {
			return nil, err
		}
		last[m.Name] = one
	}
	return last, nil
}

// keepSampling takes samples of all nodes until it is told to stop, and writes each
// down at once.
func (s *soak) keepSampling(ctx context.Context) {
	file, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("samples-%d.jsonl", s.size)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.log.Error("samples are not written down", "error", err)
		return
	}
	defer file.Close()
	began := time.Now()
	for wait(ctx, s.every) {
		for _, m := range s.nodes {
			one, err := take(ctx, m)
			if err != nil {
				s.log.Warn("a sample is missing", "node", m.Name, "error", err)
				continue
			}
			one.After = time.Since(began)
			s.samples = append(s.samples, one)
			if err := json.NewEncoder(file).Encode(one); err != nil {
				s.log.Error("a sample is not written down", "error", err)
			}
		}
	}
}

// wait waits, unless the context ends.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
