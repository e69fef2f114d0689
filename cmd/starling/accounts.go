package main

import (
	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newAccounts(a *app) *cobra.Command {
	var filter client.AccountFilter
	var how reading
	var all bool
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "List the accounts that you may see, with their balances",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(&how, func(c *client.Client) error {
				list, err := c.Accounts(cmd.Context(), filter, all)
				if err != nil {
					return err
				}
				if a.forPrograms() {
					return a.writeDocument(list)
				}
				if err := a.writeTable(accountTable(list.Accounts), nothing(cmd, "no accounts yet: nothing was run")); err != nil {
					return err
				}
				a.more(list.Next)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.Owner, "owner", "", "only of this owner: user:NAME or proposal:ID")
	f.StringVar(&filter.Period, "period", "", "only of this period: 2026B")
	f.StringVar(&filter.Resource, "resource", "", "only of this resource: core-seconds")
	f.StringVar(&filter.Side, "side", "", "only used, charged or held")
	f.Var(positive{&filter.Limit}, "limit", "how many on a page")
	f.BoolVar(&all, "all-pages", false, "all of them, rather than one page")
	how.flag(cmd)
	return cmd
}

func accountTable(accounts []accounting.Account) *table.Table {
	t := table.New(
		table.Column{Name: "owner", Flexible: true},
		table.Column{Name: "period"},
		table.Column{Name: "resource"},
		table.Column{Name: "side"},
		table.Column{Name: "balance", Right: true},
		table.Column{Name: "unit", Optional: true},
		table.Column{Name: "on record", Optional: true},
	)
	for _, acc := range accounts {
		t.Add(acc.Owner.String(), string(acc.Period), string(acc.Resource), string(acc.Side),
			words.Decimal(string(acc.Balance)), string(acc.Unit), notYet(acc.Pending))
	}
	return t
}
