package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starling/deploy/faults/check"
	"starling/deploy/faults/load"
)

// patience is how long the sites may take until they tell the same, and what was
// accepted to have ended.
const patience = 2 * time.Minute

// check looks at all that the record of a run says was promised, and at what the fault
// itself has read.
func (f *containerFederation) check(ctx context.Context, record *load.Record, what circumstances) (checked, error) {
	options := check.Options{Patience: patience, Leapt: what.Leapt, Gone: what.Gone, Lost: what.Lost}
	for _, site := range what.Minority {
		options.Cut = append(options.Cut, check.Cut{Site: site, From: what.Cut, To: what.Mended})
	}
	looked := check.All(ctx, f.loadSites(), record, options)
	out := checked{Findings: what.Strong.findings(), Unsure: looked.Inconclusive, Says: says(looked.Looked, what.Strong)}
	for _, finding := range looked.Broken {
		out.Findings = append(out.Findings, finding.String())
	}
	return out, ctx.Err()
}

// says counts what was looked at, in one line.
func says(looked map[string]int, strong *purse) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(looked)) {
		parts = append(parts, fmt.Sprintf("%d %s", looked[name], name))
	}
	if own := strong.says(); own != "" {
		parts = append(parts, own)
	}
	return strings.Join(parts, ", ")
}
