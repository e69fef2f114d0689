package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"starling/deploy/launch"
)

// sites are development nodes that belong together, by name.
type sites struct {
	*launch.Federation
}

// startSites starts a node for each configuration; the first begins a federation, and
// the others join it.
func startSites(ctx context.Context, binary, dir string, configurations []string, data string) (_ *sites, err error) {
	s := &sites{&launch.Federation{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, from := range configurations {
		config := filepath.Join(dir, filepath.Base(from))
		if err := writeWithData(from, config, data); err != nil {
			return nil, err
		}
		name := filepath.Base(from[:len(from)-len(filepath.Ext(from))])
		m, err := s.AddNamed(name, binary, dir, "--config", config)
		if err != nil {
			return nil, err
		}
		if err := m.Start(); err != nil {
			return nil, err
		}
		if err := m.Ready(ctx); err != nil {
			return nil, err
		}
		fmt.Printf("%s is at %s\n", m.Name, m.URL)
	}
	return s, s.acquainted(ctx)
}

// known is a node, as another one knows it.
type known struct {
	Alive          bool
	Free, Capacity struct{ Cores int64 }
	Kinds          []string
}

// acquainted waits until each site knows what all the others have.
func (s *sites) acquainted(ctx context.Context) error {
	for _, m := range s.Nodes {
		if err := s.await(ctx, m, func(n known) bool { return n.Alive && n.Capacity.Cores > 0 && len(n.Kinds) > 0 }); err != nil {
			return err
		}
	}
	return nil
}

// idle waits until a site has everything free, and knows of nothing else elsewhere:
// what was cancelled there has ended.
func (s *sites) idle(ctx context.Context, at *launch.Member) error {
	return s.await(ctx, at, func(n known) bool { return n.Alive && n.Free == n.Capacity })
}

// await waits until something holds for all sites, as one of them knows them.
func (s *sites) await(ctx context.Context, at *launch.Member, holds func(known) bool) error {
	for {
		var answer struct{ Nodes []known }
		if err := s.get(ctx, at, "/federation/nodes", &answer); err != nil {
			return err
		}
		fit := 0
		for _, n := range answer.Nodes {
			if holds(n) {
				fit++
			}
		}
		if fit == len(s.Nodes) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s knows %d of %d nodes as they should be: %w", at.Name, fit, len(s.Nodes), ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// get reads a document of a node.
func (s *sites) get(ctx context.Context, m *launch.Member, path string, into any) error {
	transport, err := m.Transport()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL+path, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s%s: %s", m.URL, path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// stop stops all that were started.
func (s *sites) stop() error {
	var errs []error
	for _, m := range s.Nodes {
		if m.Ended() != nil {
			errs = append(errs, m.Stop(20*time.Second))
		}
	}
	return errors.Join(errs...)
}
