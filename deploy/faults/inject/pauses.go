package inject

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A leader that is frozen and wakes believes that it leads still: what it tells then
// must not be old. It is asked as soon as it wakes, many times at once, before it has
// heard of its successor.
func pauses() []Fault {
	of := func(lasts time.Duration, runs int, short bool) Fault {
		return Fault{
			Name: fmt.Sprintf("pause-leader-%.0fs", lasts.Seconds()), Title: fmt.Sprintf("leader paused for %s", lasts),
			Runs: runs, Short: short, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				leader, followers, err := scene.Leader(ctx)
				if err != nil {
					return nil, err
				}
				return &Wound{
					Says: "paused " + leader.Name(), Lasts: lasts,
					Heal: func(ctx context.Context) error { return wake(ctx, scene, leader, followers) },
				}, leader.Pause(ctx)
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
	return errors.Join(err, Ready(ctx, leader))
}
