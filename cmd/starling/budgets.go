package main

import (
	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
)

func newBudgets(a *app) *cobra.Command {
	var filter client.AccountFilter
	var how reading
	var all bool
	cmd := &cobra.Command{
		Use:   "budgets",
		Short: "List what was allocated, and what is left of it",
		Long: `List what was allocated to owners that you may see, what of it is charged and
held, and what is left. A soft limit may be overdrawn, and it is said by which
sessions and why; a hard one is never passed. What is entrusted to nodes, so that they can accept sessions while they
are cut off, counts as taken.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(&how, func(c *client.Client) error {
				list, err := c.Budgets(cmd.Context(), filter, all)
				if err != nil {
					return err
				}
				if a.forPrograms() {
					return a.writeDocument(list)
				}
				if err := a.writeTable(budgetTable(list.Budgets, true), nothing(cmd, "nothing was allocated: starling allocate does so")); err != nil {
					return err
				}
				a.explainOverdrafts(list.Budgets)
				a.more(list.Next)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.Owner, "owner", "", "only of this owner: proposal:ID, programme:ID, tag:ID or user:NAME")
	f.StringVar(&filter.Period, "period", "", "only of this period: 2026B")
	f.StringVar(&filter.Resource, "resource", "", "only of this resource: monetary")
	f.Var(positive{&filter.Limit}, "limit", "how many on a page")
	f.BoolVar(&all, "all-pages", false, "all of them, rather than one page")
	how.flag(cmd)
	return cmd
}

// explainOverdrafts says why soft limits are below zero.
func (a *app) explainOverdrafts(budgets []client.Budget) {
	for _, b := range budgets {
		if len(b.Overdrafts) == 0 {
			continue
		}
		say(a.out, "")
		say(a.out, "%s is overdrawn in %s (%s %s left), newest first by:", b.Owner, b.Period, b.Left, b.Unit)
		for _, o := range b.Overdrafts {
			say(a.out, "  %s  session %s took %s %s: %s", o.Time, o.Session, o.Amount, b.Unit, o.Reason)
		}
	}
}

// budgetTable lists budgets, with their owners and periods unless it is clear
// whose they are.
func budgetTable(budgets []client.Budget, whose bool) *table.Table {
	t := table.New(
		table.Column{Name: "owner", Flexible: whose, Optional: true},
		table.Column{Name: "period", Optional: true},
		table.Column{Name: "budget", Flexible: !whose},
		table.Column{Name: "limit"},
		table.Column{Name: "allocated", Right: true},
		table.Column{Name: "charged", Right: true},
		table.Column{Name: "held", Right: true},
		table.Column{Name: "nodes", Right: true, Optional: true},
		table.Column{Name: "left", Right: true},
	)
	for _, b := range budgets {
		owner, period, entrusted := b.Owner.String(), string(b.Period), string(b.Entrusted)
		if !whose {
			owner, period = "", ""
		}
		if entrusted == "0" {
			entrusted = ""
		}
		t.Add(owner, period, measure(b.Resource, b.Unit), string(b.Limit), string(b.Allocated), string(b.Charged), string(b.Held), entrusted, string(b.Left))
	}
	return t
}
