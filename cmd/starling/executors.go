package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node"
)

func newExecutors(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "executors",
		Short: "List who does the work of a node (for operators, and executors' own)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			list, err := c.Executors(cmd.Context())
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(list)
			}
			return a.writeTable(executorTable(list.Executors, a.now()), "no executors that you may see: only operators see all")
		},
	}
}

func executorTable(executors []node.Executor, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "name", Flexible: true},
		table.Column{Name: "capacity"},
		table.Column{Name: "running", Right: true},
		table.Column{Name: "seen", Right: true},
		table.Column{Name: "works"},
	)
	for _, e := range executors {
		t.Add(e.Name, capacityText(e.Capacity), fmt.Sprint(e.Running), seenText(e, now), worksText(e.Windows, now))
		t.Below(kindsText(e.Kinds, e.Simulated))
	}
	return t
}

// kindsText says what is run or simulated by whoever takes these kinds, what data it
// stages, and whether it keeps storage.
func kindsText(kinds []string, simulated bool) string {
	var runs, stages []string
	var keeps string
	for _, kind := range kinds {
		switch {
		case strings.HasPrefix(kind, ivoa.Schema+"/data/"):
			stages = append(stages, ivoa.ShortKind(kind))
		case kind == despatch.KindDataToken:
			stages = append(stages, "with tokens")
		case kind == despatch.KindKeptStorage:
			keeps = "; keeps storage"
		default:
			runs = append(runs, ivoa.ShortKind(kind))
		}
	}
	text := "runs "
	if simulated {
		text = "simulates "
	}
	text += strings.Join(runs, ", ")
	if len(stages) > 0 {
		text += "; stages " + strings.Join(stages, ", ")
	}
	return text + keeps
}

// capacityText says cores, memory, storage and GPUs: "8c 16G 100G", and "1gpu"
// where there are any.
func capacityText(c despatch.Capacity) string {
	text := fmt.Sprintf("%dc %dG %dG", c.Cores, c.Memory, c.Storage)
	if c.GPUs > 0 {
		text += fmt.Sprintf(" %dgpu", c.GPUs)
	}
	return text
}

func seenText(e node.Executor, now time.Time) string {
	text := words.In(e.LastSeen, now)
	if !e.Alive {
		return text + ", lost"
	}
	return text
}

// worksText says when an executor works: always, or in the window of now or the
// next.
func worksText(windows []despatch.Window, now time.Time) string {
	if len(windows) == 0 {
		return "always"
	}
	for _, w := range windows {
		switch {
		case !w.End.After(now):
			continue
		case w.Start.After(now):
			return "from " + words.Instant(w.Start, now)
		}
		return "until " + words.Instant(w.End, now)
	}
	return "no more"
}
