package inject

import (
	"context"
	"strings"
	"time"
)

// An operator who restarts one node after the other, as for an upgrade, is to be
// noticed by nobody who can go to another node: strong writes stop for less than a
// tenth of a second, whichever node it is.
func stops() []Fault {
	return []Fault{{
		Name: "rolling-restart", Title: "rolling SIGTERM under load", Runs: 10,
		Expects: Expectation{Answers: true, StrongWrites: true, Gap: 100 * time.Millisecond},
		Inject: func(_ context.Context, scene *Scene) (*Wound, error) {
			sites := scene.Shuffled(scene.Sites)
			heal := func(ctx context.Context) error {
				return each(sites, func(site Site) error { return start(ctx, site) })
			}
			return &Wound{
				Says: "stopped and started " + strings.Join(names(sites), ", then "),
				Meanwhile: func(ctx context.Context) error {
					for _, site := range sites {
						if err := site.Stop(ctx); err != nil {
							return err
						}
						if err := start(ctx, site); err != nil {
							return err
						}
						if err := scene.Settled(ctx); err != nil {
							return err
						}
					}
					return nil
				},
				Heal: heal,
			}, nil
		},
	}}
}
