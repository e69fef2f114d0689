package main

import (
	"time"

	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newStatement(a *app) *cobra.Command {
	var owner, period string
	var how reading
	var sessions, all bool
	cmd := &cobra.Command{
		Use:   "statement",
		Short: "What was estimated, used and charged in a period, side by side",
		Long: `What was estimated, used and charged in a period, side by side, and what is left
of what was allocated. Where anything was corrected, discounted or refunded, a
table of its own adds it up:

  priced + corrected - discounted - refunded = charged + unbilled

Unbilled is what a hard limit kept from being charged.`,
		Example: `  starling statement
  starling statement --owner proposal:P-7 --period 2026B --sessions
  starling statement --owner proposal:P-7 -o csv > P-7.csv`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{asCSV: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(&how, func(c *client.Client) error {
				if a.output == asCSV {
					return c.StatementCSV(cmd.Context(), owner, period, a.out)
				}
				s, err := c.Statement(cmd.Context(), owner, period, all)
				if err != nil {
					return err
				}
				if a.forPrograms() {
					return a.writeDocument(s)
				}
				return a.printStatement(s, sessions || all)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&owner, "owner", "", "whose: user:NAME, proposal:ID, programme:ID or tag:ID (default: yours)")
	f.StringVar(&period, "period", "", "of when: 2026B (default: now)")
	f.BoolVar(&sessions, "sessions", false, "session by session too")
	f.BoolVar(&all, "all-pages", false, "all sessions, rather than one page")
	how.flag(cmd)
	return cmd
}

func (a *app) printStatement(s *client.Statement, sessions bool) error {
	name := s.Owner.String()
	if s.Name != "" && s.Name != string(s.Owner.ID) {
		name += " (" + s.Name + ")"
	}
	say(a.out, "statement of %s for %s%s", words.Clean(name), words.Clean(string(s.Period)), span(s.Period))
	if len(s.Budgets) > 0 {
		say(a.out, "")
		if err := a.writeTable(budgetTable(s.Budgets, false), ""); err != nil {
			return err
		}
		a.explainOverdrafts(s.Budgets)
	}
	say(a.out, "")
	if err := a.printLines(s.Totals, "nothing was used or charged"); err != nil || !sessions {
		return err
	}
	for _, one := range s.Sessions {
		say(a.out, "\nsession %s  %s%s", words.Clean(string(one.Session)), words.Clean(string(one.Phase)), endText(one, a.now()))
		if err := a.printLines(one.Lines, "nothing"); err != nil {
			return err
		}
	}
	a.more(string(s.Next))
	return nil
}

// printLines sets lines in a table, and adjustments in another.
func (a *app) printLines(lines []accounting.StatementLine, nothing string) error {
	if err := a.writeTable(statementTable(lines), nothing); err != nil {
		return err
	}
	adjusted := adjustmentTable(lines)
	if adjusted.Len() == 0 {
		return nil
	}
	say(a.out, "")
	return a.writeTable(adjusted, "")
}

// span says from when to when a semester is, "" for other periods.
func span(period accounting.Period) string {
	start, end, known := period.Semester()
	if !known {
		return ""
	}
	return ", " + start.Format("January 2006") + " to " + end.AddDate(0, 0, -1).Format("January 2006")
}

func endText(s accounting.SessionStatement, now time.Time) string {
	if s.Ended.IsZero() {
		return ""
	}
	return "  " + words.Instant(s.Ended.Time(), now)
}

// measure is a resource with its unit: "monetary (EUR)".
func measure(name accounting.Resource, unit accounting.Unit) string {
	if unit == "" {
		return string(name)
	}
	return string(name) + " (" + string(unit) + ")"
}

func statementTable(lines []accounting.StatementLine) *table.Table {
	t := table.New(
		table.Column{Name: "resource", Flexible: true},
		table.Column{Name: "estimated", Right: true},
		table.Column{Name: "used", Right: true},
		table.Column{Name: "charged", Right: true},
		table.Column{Name: "held", Right: true, Optional: true},
		table.Column{Name: "unbilled", Right: true, Optional: true},
	)
	for _, l := range lines {
		t.Add(measure(l.Resource, l.Unit), string(l.Estimated), string(l.Used), string(l.Charged), string(l.Held), string(l.Unbilled))
	}
	return t
}

// adjustmentTable has the lines of which anything was adjusted.
func adjustmentTable(lines []accounting.StatementLine) *table.Table {
	t := table.New(
		table.Column{Name: "adjusted", Flexible: true},
		table.Column{Name: "priced", Right: true},
		table.Column{Name: "corrected", Right: true, Optional: true},
		table.Column{Name: "discounted", Right: true, Optional: true},
		table.Column{Name: "refunded", Right: true, Optional: true},
		table.Column{Name: "unbilled", Right: true, Optional: true},
		table.Column{Name: "charged", Right: true},
	)
	for _, l := range lines {
		if l.Priced == "" {
			continue
		}
		t.Add(measure(l.Resource, l.Unit), string(l.Priced), signed(l.Corrected, "+"), signed(l.Discounted, "-"), signed(l.Refunded, "-"),
			signed(l.Unbilled, "-"), string(l.Charged))
	}
	return t
}

// signed writes an amount with the sign with which it counts.
func signed(d accounting.Decimal, sign string) string {
	switch {
	case d == "" || d == "0":
		return ""
	case d[0] == '-':
		return string(d)
	}
	return sign + string(d)
}
