package inject

import (
	"context"
	"fmt"
	"time"

	"starling/deploy/faults/wan"
)

// Links are slow, or lose what they carry. Nodes are set for wide-area networks then,
// as the operators of such a federation would.
func links() []Fault {
	far := &Needs{Name: "wan", Settings: map[string]string{"federation.network": "wan"}}
	faults := []Fault{}
	for _, ms := range []int{50, 150, 300} {
		delay := time.Duration(ms) * time.Millisecond
		faults = append(faults, Fault{
			Name: fmt.Sprintf("delay-%dms", ms), Title: fmt.Sprintf("delays of %d ms with jitter", ms),
			Runs: 3, Short: ms == 150, Needs: far, Expects: majority,
			// Round trips take as long as that, or a fifth more or less.
			Inject: everywhere(fmt.Sprintf("round trips of %s ± a fifth between all", delay), wan.Any, wan.Delay(delay/2, delay/10)),
		})
	}
	for _, percent := range []int{5, 20} {
		faults = append(faults, Fault{
			Name: fmt.Sprintf("gossip-loss-%d", percent), Title: fmt.Sprintf("gossip loss of %d %%", percent),
			Runs: 3, Expects: majority,
			Inject: everywhere(fmt.Sprintf("lost %d %% of the UDP packets between all", percent), wan.UDP, wan.Lose(float64(percent)/100)),
		})
	}
	return append(faults, Fault{
		Name: "udp-blocked", Title: "UDP blocked with TCP open", Runs: 3, Expects: majority,
		Inject: everywhere("no UDP between all", wan.UDP, wan.Drop()),
	})
}

// everywhere imposes the same on all ways between sites.
func everywhere(says string, protocol wan.Protocol, effect wan.Effect) func(ctx context.Context, scene *Scene) (*Wound, error) {
	return func(ctx context.Context, scene *Scene) (*Wound, error) {
		return &Wound{Says: says, Lasts: scene.Between(20*time.Second, 30*time.Second), Heal: scene.Network.Clear},
			scene.imposeEverywhere(ctx, protocol, effect)
	}
}

// imposeEverywhere has all ways between sites be alike.
func (s *Scene) imposeEverywhere(ctx context.Context, protocol wan.Protocol, effect wan.Effect) error {
	at, err := ends(ctx, s.Sites)
	if err != nil {
		return err
	}
	var rules []wan.Rule
	for i, a := range s.Sites {
		for _, b := range s.Sites[i+1:] {
			rules = append(rules, wan.Between(at[a.Name()], at[b.Name()], protocol, effect)...)
		}
	}
	return s.Network.Impose(ctx, rules...)
}
