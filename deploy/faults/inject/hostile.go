package inject

import (
	"context"
	"fmt"
	"strings"
	"time"

	"starling/deploy/faults/changeling"
)

// A hostile peer has a certificate of the federation and a place in it. To its own
// users it is as ever; to the other nodes it is slow, lies, or attacks them. What the
// others promise, they keep.
func hostile() []Fault {
	var all []Fault
	add := func(name string, orders changeling.Orders) {
		all = append(all, Fault{
			Name: "peer-" + name, Title: "a peer that is " + strings.ReplaceAll(name, "-", " "), Runs: 1,
			Short: name == "lying", Expects: majority, Needs: changelings,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) { return turn(ctx, scene, orders) },
		})
	}
	for _, mind := range changeling.Minds() {
		add(mind, changeling.Orders{Mind: mind})
	}
	for _, attack := range changeling.Attacks() {
		add(attack, changeling.Orders{Attack: attack})
	}
	return all
}

// turn turns a node against the others.
func turn(_ context.Context, scene *Scene, orders changeling.Orders) (*Wound, error) {
	site := scene.One(scene.Sites)
	orders.Seed = scene.Random.Uint64()
	return &Wound{
		Says:  fmt.Sprintf("turned %s against the others: %s%s", site.Name(), orders.Mind, orders.Attack),
		Lasts: scene.Between(15*time.Second, 30*time.Second),
		Heal: func(ctx context.Context) error {
			if err := (changeling.Orders{}).Give(site.Data()); err != nil {
				return err
			}
			if orders.Attack != "replaying" {
				return nil
			}
			return Eventually(ctx, time.Minute, func(context.Context) error {
				deeds, err := changeling.DeedsOf(site.Data())
				if err == nil && len(deeds.Taken) > 0 {
					err = fmt.Errorf("promise 8: %d of %d replays were not refused: %s", len(deeds.Taken), deeds.Replayed, deeds.Taken[0])
				}
				return err
			})
		},
	}, orders.Give(site.Data())
}
