package inject

import (
	"context"
	"fmt"
	"time"

	"starling/deploy/faults/changeling"
)

// A clock that is wrong: it leaps while the node works, or the node is started with it
// and later set right. Offers and leases live by monotonic time, so none of that may
// kill work; tokens, certificates and what nodes sign for each other are good by the
// wall clock, so the node may be of no use to anybody meanwhile. The others go on.
func clocks() []Fault {
	of := func(name string, off time.Duration) Fault {
		return Fault{
			Name: "clock-" + name, Title: "a clock that is off by " + name, Runs: 2, Expects: majority,
			Needs: changelings, Short: name == "1h",
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) { return setClock(ctx, scene, off) },
		}
	}
	return []Fault{of("30s", 30*time.Second), of("1h", time.Hour), of("1d", 24*time.Hour)}
}

// changelings is for faults that a node does by itself.
var changelings = &Needs{Name: "changelings", Changelings: true}

func setClock(ctx context.Context, scene *Scene, off time.Duration) (*Wound, error) {
	site, err := leaderOrNot(ctx, scene)
	if err != nil {
		return nil, err
	}
	if scene.Random.IntN(2) == 0 {
		off = -off
	}
	before := scene.Random.IntN(2) == 0
	wound := &Wound{
		Says:  fmt.Sprintf("set the clock of %s off by %s", site.Name(), off),
		Lasts: scene.Between(15*time.Second, 25*time.Second),
		Leapt: []string{site.Name()},
		Heal: func(ctx context.Context) error {
			if err := (changeling.Orders{}).Give(site.Data()); err != nil || !before {
				return err
			}
			// Its broker carries on the clock that it was started with.
			if err := site.Stop(ctx); err != nil {
				return err
			}
			return start(ctx, site)
		},
	}
	if !before {
		return wound, changeling.Orders{Off: off}.Give(site.Data())
	}
	wound.Says += ", from its start on"
	if err := site.Stop(ctx); err != nil {
		return wound, err
	}
	if err := (changeling.Orders{Off: off}).Give(site.Data()); err != nil {
		return wound, err
	}
	return wound, start(ctx, site)
}
