package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newAccept(a *app) *cobra.Command {
	var best bool
	var pick string
	cmd := &cobra.Command{
		Use:   "accept UUID",
		Short: "Accept an offer, or the best of an offer set",
		Long: `Accept an offer by its UUID. With the UUID of a whole offer set the best of its
offers is accepted, or the one that --pick chooses. The others are given back.`,
		Args:              one("an offer or an offer set"),
		ValidArgsFunction: a.completeSessions(ivoa.SessionOffered),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			session, err := c.SetPhase(cmd.Context(), args[0], ivoa.SessionAccepted)
			if client.NotFound(err) {
				session, err = acceptOf(cmd.Context(), c, args[0], firstOf(pick, "1"))
			}
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeIVOA(session)
			}
			f := factsOf(session)
			say(a.out, "%s is %s: starts %s%s", session.UUID(), session.Phase, words.Start(f.start, a.now()), at(f.site))
			say(a.err, "follow it with `starling watch %s`", session.UUID())
			return nil
		},
	}
	cmd.Flags().BoolVar(&best, "best", false, "of an offer set, the best offer (as without)")
	cmd.Flags().StringVar(&pick, "pick", "", "of an offer set: earliest, cheapest or an offer's number")
	cmd.MarkFlagsMutuallyExclusive("best", "pick")
	return cmd
}

// acceptOf accepts one offer of a set.
func acceptOf(ctx context.Context, c *client.Client, id, pick string) (*ivoa.Session, error) {
	set, err := c.OfferSet(ctx, id)
	if client.NotFound(err) {
		return nil, fmt.Errorf("there is no offer and no offer set %s, or it isn't yours", id)
	}
	if err != nil {
		return nil, err
	}
	offer, err := choose(set.Offers, pick)
	if err != nil {
		return nil, err
	}
	return c.SetPhase(ctx, offer.UUID(), ivoa.SessionAccepted)
}

// choose picks one of several offers, which come best first.
func choose(offers []*ivoa.Session, pick string) (*ivoa.Session, error) {
	if len(offers) == 0 {
		return nil, errors.New("there are no offers to choose from")
	}
	best, bestFacts := offers[0], factsOf(offers[0])
	switch pick {
	case "", "best":
		return best, nil
	case "earliest", "cheapest":
		for _, offer := range offers[1:] {
			f := factsOf(offer)
			if pick == "earliest" && f.start.Before(bestFacts.start) || pick == "cheapest" && price(offer) < price(best) {
				best, bestFacts = offer, f
			}
		}
		return best, nil
	}
	var n int
	if _, err := fmt.Sscanf(pick, "%d", &n); err != nil || n < 1 || fmt.Sprint(n) != pick {
		return nil, usage("--pick: %q is neither earliest, cheapest nor an offer's number", pick)
	}
	if n > len(offers) {
		return nil, fmt.Errorf("there is no offer %d, only %s", n, words.Many(len(offers), "offer"))
	}
	return offers[n-1], nil
}

// price is what an offer costs; one that doesn't say is taken for free.
func price(offer *ivoa.Session) float64 {
	for _, item := range offer.Costs {
		if c, ok := item.(*ivoa.FloatCost); ok && c.Type == ivoa.CostMonetary && c.Max != nil {
			return *c.Max
		}
	}
	return 0
}

func at(site string) string {
	if site == "" {
		return ""
	}
	return " at " + words.Clean(site)
}
