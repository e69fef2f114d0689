package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"starling/deploy/faults/inject"
)

// tell says what a run has come to.
func tell(w io.Writer, r run, plan uint64, out result) {
	fmt.Fprintf(w, "%-12s %-22s %s: %.0f op/s before, %.0f during, gap %.2f s, recovered in %.1f s; %s\n",
		out.Verdict, r.name(), out.Says, out.Baseline, out.During, out.Gap, out.Recovery, out.Checks)
	for _, line := range append(out.Findings, out.Reasons...) {
		fmt.Fprintf(w, "             - %s\n", strings.ReplaceAll(line, "\n", "\n               "))
	}
	if out.Verdict != passed {
		fmt.Fprintf(w, "             again: %s\n", again(r, plan))
	}
	if out.Kept != "" {
		fmt.Fprintf(w, "             kept:  %s\n", out.Kept)
	}
}

func list(w io.Writer, faults []inject.Fault) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	all := 0
	for _, f := range faults {
		short := ""
		if f.Short {
			short = "in the short run"
		}
		all += f.Runs
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", f.Name, f.Runs, f.Title, short)
	}
	fmt.Fprintf(table, "\t%d\tin all\t\n", all)
	return table.Flush()
}

func writeTable(path string, faults []inject.Fault, results []result) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := tabulate(file, faults, results); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
