package inject

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A process that is killed loses what it had not written, and all connections at once.
// The operating system keeps what was written: that is about crashes of the program,
// not of the disk.
func kills() []Fault {
	return []Fault{
		{Name: "kill-follower", Title: "kill -9 of a follower", Runs: 20, Short: true, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				_, followers, err := scene.Leader(ctx)
				if err != nil {
					return nil, err
				}
				return kill(ctx, scene, scene.One(followers))
			}},
		{Name: "kill-leader", Title: "kill -9 of the leader", Runs: 20, Short: true, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				leader, _, err := scene.Leader(ctx)
				if err != nil {
					return nil, err
				}
				return kill(ctx, scene, leader)
			}},
		{Name: "kill-all", Title: "kill -9 of all five at once", Runs: 10, Short: true, Expects: nobody,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) { return kill(ctx, scene, scene.Sites...) }},
	}
}

// kill kills nodes at once and starts them again some seconds later: soon enough, at
// times, that the others have not noticed.
func kill(ctx context.Context, scene *Scene, sites ...Site) (*Wound, error) {
	return &Wound{
		Says:  "killed " + strings.Join(names(sites), ", "),
		Lasts: scene.Between(time.Second, 15*time.Second),
		Heal: func(ctx context.Context) error {
			return each(sites, func(site Site) error { return start(ctx, site) })
		},
	}, each(sites, func(site Site) error { return site.Kill(ctx) })
}

// start starts a node and waits until it takes work.
func start(ctx context.Context, site Site) error {
	if err := site.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return Ready(ctx, site)
}
