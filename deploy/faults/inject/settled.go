package inject

import (
	"context"
	"fmt"
	"time"
)

// Settled waits until the scene's sites are one federation again: every node takes
// work, all name the same leader in the same term, every copy of the log is as long as
// the leader's was, nothing waits in an outbox, and each sees all others alive.
func (s *Scene) Settled(ctx context.Context) error {
	return s.settled(ctx, 3*time.Minute)
}

func (s *Scene) settled(ctx context.Context, most time.Duration) error {
	for _, site := range s.Sites {
		if err := Ready(ctx, site); err != nil {
			return err
		}
	}
	return Eventually(ctx, most, s.level)
}

func (s *Scene) level(ctx context.Context) error {
	var first Log
	var longest uint64
	// The commit index of all first; then everybody must have applied so much.
	for i, site := range s.Sites {
		log, err := LogOf(ctx, site)
		if err != nil {
			return err
		}
		if i == 0 {
			first = log
		}
		switch {
		case log.Leader == "":
			return fmt.Errorf("%s knows no leader", site.Name())
		case log.Leader != first.Leader || log.Term != first.Term:
			return fmt.Errorf("%s follows %s in term %d, %s follows %s in term %d",
				first.Node, first.Leader, first.Term, site.Name(), log.Leader, log.Term)
		}
		longest = max(longest, log.Commit)
	}
	for _, site := range s.Sites {
		if err := s.caughtUp(ctx, site, longest); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scene) caughtUp(ctx context.Context, site Site, longest uint64) error {
	log, err := LogOf(ctx, site)
	if err != nil {
		return err
	}
	if log.Applied < longest {
		return fmt.Errorf("%s has applied %d of %d entries", site.Name(), log.Applied, longest)
	}
	if oldest := log.Outbox.OldestSeconds; oldest > 5 {
		return fmt.Errorf("at %s %d records wait in the outbox, one for %.0f s", site.Name(), log.Outbox.Depth, oldest)
	}
	var board struct {
		Nodes []struct {
			Name  string
			Alive bool
		}
	}
	if err := get(ctx, site, "/federation/nodes", &board); err != nil {
		return err
	}
	alive := map[string]bool{}
	for _, n := range board.Nodes {
		alive[n.Name] = n.Alive
	}
	for _, other := range s.Sites {
		if !alive[other.Name()] {
			return fmt.Errorf("%s doesn't see %s alive", site.Name(), other.Name())
		}
	}
	return nil
}
