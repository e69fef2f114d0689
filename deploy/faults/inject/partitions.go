package inject

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"starling/deploy/faults/wan"
)

// Networks part: packets are lost between some sites and not between others, in both
// directions or in one. Connections that are open hang, as they do when a cable is cut.
// Every site goes on for its own users; who has no majority records nothing for all.
func partitions() []Fault {
	return []Fault{
		{Name: "isolate-leader", Title: "the leader isolated", Runs: 20, Short: true, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				leader, followers, err := scene.Leader(ctx)
				if err != nil {
					return nil, err
				}
				return part(ctx, scene, scene.Between(8*time.Second, 20*time.Second), []Site{leader}, followers)
			}},
		{Name: "split-2-3", Title: "a split of 2 against 3", Runs: 10, Short: true, Expects: majority,
			Inject: func(ctx context.Context, scene *Scene) (*Wound, error) {
				sites := scene.Shuffled(scene.Sites)
				return part(ctx, scene, scene.Between(8*time.Second, 20*time.Second), sites[:2], sites[2:])
			}},
		{Name: "one-way", Title: "one-way loss", Runs: 10, Expects: Expectation{Answers: true}, Inject: oneWay},
		{Name: "bridge", Title: "a bridge A–B–C", Runs: 10, Short: true, Expects: Expectation{Answers: true}, Inject: bridge},
		{Name: "flapping", Title: "a flapping link", Runs: 5, Expects: majority, Inject: flap},
		{Name: "disconnect", Title: "network disconnected and reconnected", Runs: 5, Expects: majority, Inject: disconnect},
	}
}

// part cuts two groups of sites off from each other. The first is the minority.
func part(ctx context.Context, scene *Scene, lasts time.Duration, minority, rest []Site) (*Wound, error) {
	wound := &Wound{
		Says:  fmt.Sprintf("cut %s off from %s", strings.Join(names(minority), " and "), strings.Join(names(rest), ", ")),
		Lasts: lasts, Minority: names(minority), Heal: scene.Network.Clear,
	}
	return wound, cut(ctx, scene, minority, rest)
}

func cut(ctx context.Context, scene *Scene, some, others []Site) error {
	at, err := ends(ctx, slices.Concat(some, others))
	if err != nil {
		return err
	}
	var rules []wan.Rule
	for _, a := range some {
		for _, b := range others {
			rules = append(rules, wan.Between(at[a.Name()], at[b.Name()], wan.Any, wan.Drop())...)
		}
	}
	return scene.Network.Impose(ctx, rules...)
}

// oneWay has all others deaf to one site, or it to them: who can't be heard goes on
// hearing, and who can't hear goes on talking. Either may lead; nobody may be led by
// two, and a leader that hears nobody must step down.
func oneWay(ctx context.Context, scene *Scene) (*Wound, error) {
	one := scene.One(scene.Sites)
	if leader, _, err := scene.Leader(ctx); err == nil && scene.Random.IntN(2) == 0 {
		one = leader
	}
	at, err := ends(ctx, scene.Sites)
	if err != nil {
		return nil, err
	}
	mute := scene.Random.IntN(2) == 0
	says := one.Name() + " hears nobody, all others hear it"
	if mute {
		says = "nobody hears " + one.Name() + ", it hears all others"
	}
	var rules []wan.Rule
	for _, other := range scene.Sites {
		if other == one {
			continue
		}
		rule := wan.Rule{From: at[other.Name()], To: at[one.Name()], Effect: wan.Drop()}
		if mute {
			rule.From, rule.To = rule.To, rule.From
		}
		rules = append(rules, rule)
	}
	return &Wound{
		Says: says, Lasts: scene.Between(8*time.Second, 20*time.Second),
		Minority: []string{one.Name()}, Heal: scene.Network.Clear,
	}, scene.Network.Impose(ctx, rules...)
}

// bridge leaves two pairs of sites that don't see each other, and one site that sees
// all: by its view all is well, and either pair with it is a majority.
func bridge(ctx context.Context, scene *Scene) (*Wound, error) {
	sites := scene.Shuffled(scene.Sites)
	left, middle, right := sites[:2], sites[2], sites[3:]
	return &Wound{
		Says: fmt.Sprintf("%s and %s reach each other by %s alone",
			strings.Join(names(left), ", "), strings.Join(names(right), ", "), middle.Name()),
		Lasts: scene.Between(10*time.Second, 20*time.Second), Heal: scene.Network.Clear,
	}, cut(ctx, scene, left, right)
}

// flap cuts one site off and on again, sooner than the others agree about it.
func flap(ctx context.Context, scene *Scene) (*Wound, error) {
	sites := scene.Shuffled(scene.Sites)
	one, others := sites[:1], sites[1:]
	times := 8 + scene.Random.IntN(8)
	pauses := make([]time.Duration, 2*times) // drawn here: chance is the scene's alone
	for i := range pauses {
		pauses[i] = scene.Between(200*time.Millisecond, 1500*time.Millisecond)
	}
	return &Wound{
		Says: fmt.Sprintf("cut %s off and on again, %d times", one[0].Name(), times),
		Meanwhile: func(ctx context.Context) error {
			for i, pause := range pauses {
				var err error
				if i%2 == 0 {
					err = cut(ctx, scene, one, others)
				} else {
					err = scene.Network.Clear(ctx)
				}
				if err != nil {
					return err
				}
				if err := Wait(ctx, pause); err != nil {
					return err
				}
			}
			return nil
		},
		Heal: scene.Network.Clear,
	}, nil
}

// disconnect pulls a node's cable: it has no address any more, and may come back with
// another one.
func disconnect(ctx context.Context, scene *Scene) (*Wound, error) {
	site := scene.One(scene.Sites)
	off := true
	return &Wound{
		Says: "took " + site.Name() + " off the network", Lasts: scene.Between(3*time.Second, 20*time.Second),
		Minority: []string{site.Name()},
		Heal: func(ctx context.Context) error {
			if !off {
				return nil
			}
			off = false
			return site.Connect(ctx)
		},
	}, site.Disconnect(ctx)
}
