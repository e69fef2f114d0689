package main

import (
	"strings"

	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newAllocate(a *app) *cobra.Command {
	var period, resource, reason, key, start, end string
	var soft bool
	cmd := &cobra.Command{
		Use:   "allocate OWNER AMOUNT [UNIT]",
		Short: "Grant, raise or lower what an owner may be charged",
		Long: `Grant, raise or lower what an owner may be charged in a period, for operators and
accountants. What is allocated is the sum of all that was ever granted: to lower
it, allocate less than nothing. Without a unit it is money in the node's own
currency; --resource allocates something else.

The limit is hard unless --soft: offers that would pass it are refused. It can't
be set below what is charged and held already. A limit of a programme or a TAG
holds for all that is beneath it (see starling enrol).`,
		Example: `  starling allocate proposal:P-7 100 EUR --reason "TAC, 12 June"
  starling allocate proposal:P-7 --reason "returned" -- -20
  starling allocate programme:surveys 500 kWh --resource energy --soft --reason "green plan"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || len(args) > 3 {
				return usage("want OWNER AMOUNT [UNIT], as proposal:P-7 100 EUR")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			owner, err := ownerOf(args[0])
			if err != nil {
				return err
			}
			amount := map[string]any{"name": resource, "amount": args[1]}
			if len(args) == 3 {
				amount["unit"] = args[2]
			}
			if _, err := accounting.ParseAmount(args[1], ""); err != nil {
				return usage("%q is not an amount, as 100 or -12.5", args[1])
			}
			limit := accounting.Hard
			if soft {
				limit = accounting.Soft
			}
			order := map[string]any{
				"owner": owner.String(), "amount": amount, "limit": limit, "reason": reason,
				"period": firstOf(period, string(accounting.PeriodAt(a.now()))),
			}
			for name, text := range map[string]string{"start": start, "end": end} {
				if text != "" {
					order[name] = text
				}
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			answer, err := c.Allocate(cmd.Context(), order, key)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(answer)
			}
			if answer.Duplicate {
				say(a.err, "this was allocated before, under the same key; nothing has changed")
			}
			return a.writeTable(budgetTable([]client.Budget{answer.Budget}, true), "")
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why; it stays on record")
	f.StringVar(&period, "period", "", "for when: 2026B (default: the present semester)")
	f.StringVar(&resource, "resource", string(accounting.Monetary), "what: monetary, energy, carbon, …")
	f.BoolVar(&soft, "soft", false, "may be overdrawn")
	f.StringVar(&start, "start", "", "when the period starts, as 2026-09-01T00:00:00Z (default: the semester's start)")
	f.StringVar(&end, "end", "", "when it ends (default: the semester's end)")
	f.StringVar(&key, "key", "", "names this order: the same again with the same key is done once")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}

func newEnrol(a *app) *cobra.Command {
	var name, parent string
	cmd := &cobra.Command{
		Use:   "enrol OWNER",
		Short: "Give an owner a name and a place in the tree",
		Long: `Give an owner a name and a place in the tree, for operators and accountants: a
TAG has programmes, those have proposals. A limit of one holds for all that is
beneath it.`,
		Example: `  starling enrol proposal:P-7 --name "Deep field" --in programme:surveys`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			record := accounting.OwnerRecord{Name: name}
			var err error
			if record.Owner, err = ownerOf(args[0]); err != nil {
				return err
			}
			if parent != "" {
				if record.Parent, err = ownerOf(parent); err != nil {
					return err
				}
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			answer, err := c.Enrol(cmd.Context(), record)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(answer)
			}
			text := words.Clean(answer.Owner.String() + " " + answer.Name)
			if !answer.Parent.IsZero() {
				text += ", part of " + words.Clean(answer.Parent.String())
			}
			say(a.out, "%s", text)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "what people call it")
	f.StringVar(&parent, "in", "", "what it is part of: programme:ID or tag:ID")
	return cmd
}

// ownerOf reads kind:id; a bare name is a user's.
func ownerOf(text string) (owner accounting.Owner, err error) {
	if !strings.Contains(text, ":") {
		return accounting.User(accounting.OwnerID(text)), nil
	}
	if err := owner.UnmarshalText([]byte(text)); err != nil {
		return owner, usage("%q is no owner: want proposal:ID, programme:ID, tag:ID, group:ID or user:NAME", text)
	}
	return owner, nil
}
