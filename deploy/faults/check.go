package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starling/deploy/faults/load"
)

// check looks at all that the record of a run says was promised.
func (f *containerFederation) check(_ context.Context, record *load.Record, what circumstances) (checked, error) {
	found := checked{Findings: slices.Concat(what.Strong.findings(), alone(record, what))}
	found.Says = strings.Join(slices.DeleteFunc([]string{
		fmt.Sprintf("%d operations", len(record.Ops)), what.Strong.says(),
	}, func(s string) bool { return s == "" }), ", ")
	return found, nil
}

// alone finds what sites without a majority have acknowledged all the same, though a
// majority must have been asked.
func alone(record *load.Record, what circumstances) (found []string) {
	for _, o := range record.Ops {
		strong := o.Kind == load.Allocate || o.Kind == load.Allocated || o.Kind == load.Told
		if strong && o.Outcome == load.Acknowledged && slices.Contains(what.Minority, o.Site()) && o.Call > what.Cut && o.Return < what.Mended {
			found = append(found, fmt.Sprintf("promise 5: %s, cut off from %s to %s, has acknowledged %s of %s, asked at %s",
				o.Site(), what.Cut, what.Mended, o.Kind, o.Object, o.Call))
		}
	}
	return found
}
