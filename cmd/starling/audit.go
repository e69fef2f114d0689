package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newAudit(a *app) *cobra.Command {
	var filter client.AuditFilter
	var how reading
	var all, denied bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List who did what, and who was refused",
		Long: `List who did what at which node, and who was refused, by which rule: the newest
first. Operators and auditors see everybody's, others what was decided for them.
As JSON lines or CSV it is all that matches, unless --limit says how many.`,
		Example: `  starling audit --denied --since 2026-12-01T00:00:00Z
  starling audit --object 019a9c1e-6e2b-8000-8000-3f1c0a9b7d21
  starling audit --user alice -o csv > alice.csv`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{asCSV: "yes", asLines: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if denied {
				filter.Decision = string(accounting.Denied)
			}
			return a.read(&how, func(c *client.Client) error {
				if a.output == asCSV || a.output == asLines {
					return c.Export(cmd.Context(), filter, mediaType(a.output), a.out)
				}
				list, err := c.Audit(cmd.Context(), filter, all)
				if err != nil {
					return err
				}
				return a.printAudit(cmd, list)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.User, "user", "", "only what this user did or wanted to do")
	f.StringVar(&filter.Action, "action", "", "only this action: accept, cancel, allocate, …")
	f.StringVar(&filter.Object, "object", "", "only with this object: session:UUID, or a UUID alone")
	f.StringVar(&filter.Decision, "decision", "", "only what was allowed, or denied")
	f.BoolVar(&denied, "denied", false, "only what was denied")
	f.StringVar(&filter.At, "at", "", "only what this node decided")
	f.StringVar(&filter.Trace, "trace", "", "only what was decided on the request with this trace, which its answer tells (Starling-Trace)")
	f.StringVar(&filter.Since, "since", "", "only what was decided at or after this time: 2026-12-01T00:00:00Z")
	f.StringVar(&filter.Until, "until", "", "only what was decided before this time")
	f.BoolVar(&filter.Oldest, "oldest", false, "the oldest first")
	f.Var(positive{&filter.Limit}, "limit", "how many on a page")
	f.BoolVar(&all, "all-pages", false, "all of them, rather than one page")
	cmd.MarkFlagsMutuallyExclusive("decision", "denied")
	how.flag(cmd)
	return cmd
}

// printAudit lists audit records.
func (a *app) printAudit(cmd *cobra.Command, list *client.AuditList) error {
	if a.forPrograms() {
		return a.writeDocument(list)
	}
	if err := a.writeTable(auditTable(list.Audit, a.now()), nothing(cmd, "nothing was decided")); err != nil {
		return err
	}
	a.more(list.Next)
	return nil
}

// auditTable has two lines of each record: an object's name is half a line by itself.
func auditTable(entries []accounting.AuditEntry, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "time", Right: true},
		table.Column{Name: "decision"},
		table.Column{Name: "user", Flexible: true},
		table.Column{Name: "action"},
		table.Column{Name: "node"},
		table.Column{Name: "times", Right: true, Optional: true},
		table.Column{Name: "on record", Optional: true},
	)
	for _, e := range entries {
		times := ""
		if e.Count > 1 {
			times = words.Amount(float64(e.Count))
		}
		t.Add(words.Instant(e.Time.Time(), now), string(e.Decision), string(e.User), e.Action, through(e), times, notYet(e.Pending))
		below := e.Object + ", by " + e.Rule
		if e.Reason != "" {
			below += ": " + e.Reason
		}
		t.Below(below)
	}
	return t
}

// through names the node that decided, and those that it was asked through, the
// nearest first.
func through(e accounting.AuditEntry) string {
	path := []string{string(e.Node)}
	for _, node := range slices.Backward(e.Via) {
		path = append(path, string(node))
	}
	return strings.Join(path, " via ")
}
