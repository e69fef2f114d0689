package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	"starling/deploy/faults/wan"
)

// A leader that is frozen and wakes believes that it leads still: what it tells then
// must not be old. It is asked as soon as it wakes, many times at once, before it has
// heard of its successor. The ways between the sites are long, so that answers of its
// followers wait for it: it takes them for new ones, and goes on believing for a round
// trip. On short ways its lease ends before it has read the first question.
func pauses() []Fault {
	const way = 50 * time.Millisecond
	of := func(lasts time.Duration, runs int, short bool) Fault {
		return Fault{
			Name: fmt.Sprintf("pause-leader-%.0fs", lasts.Seconds()), Title: fmt.Sprintf("leader paused for %s", lasts),
			Runs: runs, Short: short, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				leader, followers, err := scene.Leader(ctx)
				if err != nil {
					return nil, err
				}
				wound := &Wound{
					Says: fmt.Sprintf("paused %s, with ways of %s between all", leader.Name(), way), Lasts: lasts,
					Heal: func(ctx context.Context) error {
						return errors.Join(wake(ctx, scene, leader, followers), scene.Network.Clear(ctx), Ready(ctx, leader))
					},
				}
				if err := scene.imposeEverywhere(ctx, wan.Any, wan.Delay(way, way/5)); err != nil {
					return wound, err
				}
				if err := Wait(ctx, 10*way); err != nil { // until heartbeats are on all of them
					return wound, err
				}
				return wound, leader.Pause(ctx)
			},
		}
	}
	return []Fault{of(3*time.Second, 7, false), of(8*time.Second, 7, true), of(15*time.Second, 6, false)}
}

// wake writes at the others for the last time, wakes the leader, and reads there at
// once what must be no older.
func wake(ctx context.Context, scene *Scene, leader Site, others []Site) error {
	// Whether a write or a read succeeds is no matter here: what is answered is checked.
	_ = scene.Strong.Write(ctx, scene.One(others))
	const readers = 8
	ended := make(chan struct{}, readers)
	for range readers {
		go func() { // these wait at the frozen node, and are its first work
			defer func() { ended <- struct{}{} }()
			_ = scene.Strong.Read(ctx, leader)
		}()
	}
	err := Wait(ctx, 100*time.Millisecond)
	err = errors.Join(err, leader.Unpause(ctx))
	_ = scene.Strong.Read(ctx, leader)
	for range readers {
		<-ended
	}
	return err
}
