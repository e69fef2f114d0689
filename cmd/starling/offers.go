package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newOffers(a *app) *cobra.Command {
	q := &asking{}
	cmd := &cobra.Command{
		Use:   "offers (-f FILE | [flags] -- COMMAND…)",
		Short: "Ask where and when something can be run, and what it costs",
		Example: `  starling offers -f request.yaml
  starling offers --cores 2:8 --memory 4 --for 30m -- wc -l /input/table.vot`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := q.ask(cmd.Context(), a, cmd, args)
			if err != nil || set == nil {
				return err
			}
			if a.forPrograms() {
				err = a.writeIVOA(set)
			} else if set.Result == ivoa.Yes {
				if err = a.printOffers(set); err == nil {
					say(a.err, "take the best with `starling accept %s`", set.UUID())
					say(a.err, "give them back with `starling reject %s`", set.UUID())
				}
			} else {
				a.printNo(set)
			}
			if err == nil && set.Result != ivoa.Yes {
				return errSaid
			}
			return err
		},
	}
	q.flags(cmd)
	return cmd
}

// offerTable sets offers in rows, with UUID and reason below each: together they
// are too wide for a line.
func offerTable(offers []*ivoa.Session, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "#", Right: true},
		table.Column{Name: "site", Flexible: true},
		table.Column{Name: "starts"},
		table.Column{Name: "for", Right: true},
		table.Column{Name: "cores", Right: true},
		table.Column{Name: "memory", Right: true},
		table.Column{Name: "gpus", Right: true, Optional: true},
		table.Column{Name: "cost", Right: true, Optional: true},
		table.Column{Name: "energy", Right: true, Optional: true},
		table.Column{Name: "carbon", Right: true, Optional: true},
	)
	for i, offer := range offers {
		f := factsOf(offer)
		t.Add(strconv.Itoa(i+1), f.site, words.Start(f.start, now), lengthText(f.length), f.cores, f.memory, f.gpus,
			f.cost(ivoa.CostMonetary), f.cost(ivoa.CostEnergy), f.cost(ivoa.CostCarbon))
		t.Below(f.UUID())
		if f.why != "" {
			t.Below(words.Local(f.why, now))
		}
		for _, text := range notes(offer) {
			t.Below(words.Local(text, now))
		}
	}
	return t
}

func lengthText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return words.Duration(d)
}
