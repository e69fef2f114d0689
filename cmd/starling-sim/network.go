package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling-sim/internal/network"
)

func networkCommand() *cobra.Command {
	var o network.Options
	var log, output string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "network",
		Short: "play a federation of many nodes in virtual time",
		Long: `Play a federation of many nodes in virtual time, with the digests, the short list, the ranking and the timelines
that nodes use, and print how fast a digest is known everywhere and what that costs, and how long jobs wait that are
placed in several ways:

  omniscient queue   sees all sites as they are, and binds nothing before it starts: what could be done at best
  ours               asks the short list and the site where the job came, and takes the best live offer
  best 3             as ours, but always asks the three that look best
  random 3           as ours, but asks any three
  least loaded       goes to the one that looks best by its digest
  random, local only go anywhere, or nowhere else

Jobs come to random nodes, at random times, at a given part of all cores; they have 1 to 16 cores and 15 minutes in
the median, of which 30 to 100 % are used, or are drawn from a log. Sites have 8 to 128 cores, as busy in the beginning. The first quarter of the
jobs is not counted. The slowdown is (wait + run) / max(run, 10 s), at least 1. The bound of what gossip may send is
3 × nodes × bytes of a record × changes a second. A * marks rates at which some news had not reached all nodes minutes
later.`,
		Example: "  starling-sim network --nodes 200 --jobs 20 --loads 0.7,0.9",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("unknown output %q: json or table", output)
			}
			if log != "" {
				trace, err := open(cmd.InOrStdin(), log)
				if err != nil {
					return err
				}
				o.Log = trace
			}
			if !quiet {
				o.Progress = cmd.ErrOrStderr()
			}
			report, err := network.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			if output == "table" {
				return report.WriteTable(cmd.OutOrStdout())
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(report)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Nodes, "nodes", 1000, "nodes of the federation, each of a site")
	f.IntVar(&o.Jobs, "jobs", 5, "jobs for each node")
	f.Uint64Var(&o.Seed, "seed", 1, "what makes one run differ from another")
	f.Float64SliceVar(&o.Loads, "loads", []float64{0.9}, "parts of all cores that jobs would keep busy")
	f.DurationSliceVar(&o.Every, "every", []time.Duration{time.Second, time.Minute, 10 * time.Minute}, "least times between two digests of a node")
	f.DurationVar(&o.Repeat, "repeat", 15*time.Second, "how often a node says the same again")
	f.Float64SliceVar(&o.Rates, "rates", []float64{0, 0.002, 0.01, 0.07}, "changes of each node a second; 0: one alone")
	f.BoolVar(&o.Wide, "wan", false, "gossip as between continents")
	f.StringSliceVar(&o.Only, "only", nil, "ways to place jobs (default: all)")
	f.StringVar(&log, "trace", "", "log from which jobs are drawn, plain or gzip; - for standard input")
	f.BoolVar(&quiet, "quiet", false, "say nothing until the end")
	f.StringVarP(&output, "output", "o", "table", "json or table")
	choices(cmd, "only", network.Contenders())
	choices(cmd, "output", []string{"json", "table"})
	return cmd
}
