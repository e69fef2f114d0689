package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling-sim/internal/bench"
)

// kthTrace is where the log of KTH-SP2 lies beside a working tree that has one.
const kthTrace = "../shared/traces/KTH-SP2-filtered.swf.gz"

func benchCommand() *cobra.Command {
	var o bench.Options
	var seconds float64
	var output string
	var names []string
	about := "Measure how fast a node is on this machine, with fsync on, and compare with what is wanted. Nodes are started and\n" +
		"ended as needed. A figure that misses its target is no failure.\n\nExperiments:\n"
	for _, e := range bench.Experiments() {
		names = append(names, e.Name)
		about += fmt.Sprintf("  %-10s %s\n", e.Name, e.About)
	}
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "measure how fast a node is on this machine",
		Long:    strings.TrimSpace(about),
		Example: "  starling-sim bench --only offers --seconds 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("unknown output %q: json or table", output)
			}
			o.Time, o.Progress = time.Duration(seconds*float64(time.Second)), cmd.ErrOrStderr()
			if _, err := os.Stat(kthTrace); o.Trace == "" && err == nil {
				o.Trace = kthTrace
			}
			report, err := bench.Run(cmd.Context(), o)
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
	f.StringSliceVar(&o.Only, "only", nil, "experiments to make (default: all)")
	f.Float64Var(&seconds, "seconds", 5, "how long each rate is measured")
	f.StringVar(&o.Starling, "starling", "bin/starling", "the program that is measured")
	f.StringVar(&o.Dir, "dir", "", "where data directories are made (default: the system's place for temporary files)")
	f.StringVar(&o.Trace, "trace", "", "log of KTH-SP2 (default: "+kthTrace+" if it is there)")
	f.StringVarP(&output, "output", "o", "table", "json or table")
	choices(cmd, "only", names)
	choices(cmd, "output", []string{"json", "table"})
	return cmd
}
