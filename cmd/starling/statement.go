package main

import (
	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newStatement(a *app) *cobra.Command {
	var owner, period string
	var sessions bool
	cmd := &cobra.Command{
		Use:   "statement",
		Short: "What was estimated, used and charged in a period, side by side",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			s, err := c.Statement(cmd.Context(), owner, period)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(s)
			}
			say(a.out, "statement of %s for %s", words.Clean(s.Owner.String()), words.Clean(string(s.Period)))
			if err := a.writeTable(statementTable(s.Totals), "nothing was used or charged"); err != nil || !sessions {
				return err
			}
			for _, one := range s.Sessions {
				say(a.out, "\nsession %s  %s", words.Clean(string(one.Session)), words.Clean(string(one.Phase)))
				if err := a.writeTable(statementTable(one.Lines), "nothing"); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&owner, "owner", "", "whose: user:NAME or proposal:ID (default: yours)")
	f.StringVar(&period, "period", "", "of when: 2026B (default: now)")
	f.BoolVar(&sessions, "sessions", false, "session by session too")
	return cmd
}

func statementTable(lines []accounting.StatementLine) *table.Table {
	t := table.New(
		table.Column{Name: "resource", Flexible: true},
		table.Column{Name: "unit"},
		table.Column{Name: "estimated", Right: true},
		table.Column{Name: "used", Right: true},
		table.Column{Name: "charged", Right: true},
		table.Column{Name: "held", Right: true, Optional: true},
	)
	for _, l := range lines {
		t.Add(string(l.Resource), string(l.Unit),
			decimalText(l.Estimated), decimalText(l.Used), decimalText(l.Charged), decimalText(l.Held))
	}
	return t
}

func decimalText(d accounting.Decimal) string {
	if d == "" {
		return ""
	}
	return words.Decimal(string(d))
}
