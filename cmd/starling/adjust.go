package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newCorrect(a *app) *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use:   "correct REF NAME=AMOUNT[UNIT]…",
		Short: "Say what an attempt really used, and charge the difference",
		Long: `Say what an attempt that has ended really used, for operators and accountants.
REF is the attempt's, as starling history shows it. Only what is named changes;
0 takes it away, and what was not counted before needs its unit. The node
evaluates what all of it costs, and posts the difference as a new entry. The
executor's own report stays on record.`,
		Example: `  starling correct 01a2…cc2 core-seconds=3600 --reason "idle cores were counted"
  starling correct 01a2…cc2 dark-time=300s poor-seeing=0s --reason "log of the night"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("want REF and what was used, as core-seconds=3600")
			}
			return areUUIDs("an attempt", args[:1])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			entry, err := c.HistoryEntry(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			used, err := amended(entry, args[1:])
			if err != nil {
				return err
			}
			answer, err := c.Adjust(cmd.Context(), args[0], "corrections", map[string]any{"resources": used, "reason": reason}, key)
			if err != nil {
				return err
			}
			return a.printAdjusted(answer)
		},
	}
	a.orderFlags(cmd, &reason, &key)
	return cmd
}

// amended is what an attempt used by the newest word on it, with what is said
// now.
func amended(entry *accounting.HistoryEntry, words []string) ([]accounting.Quantity, error) {
	used := slices.Clone(entry.Resources)
	if entry.Corrected != nil {
		used = slices.Clone(entry.Corrected.Resources)
	}
	for _, word := range words {
		name, text, found := strings.Cut(word, "=")
		number := strings.TrimRightFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789.", r) })
		if !found || name == "" || number == "" {
			return nil, usage("%q is not NAME=AMOUNT[UNIT], as core-seconds=3600 or dark-time=300s", word)
		}
		i := slices.IndexFunc(used, func(q accounting.Quantity) bool { return string(q.Name) == name })
		unit := accounting.Unit(text[len(number):])
		if unit == "" && i >= 0 {
			unit = used[i].Unit
		}
		q, err := accounting.NewQuantity(accounting.Resource(name), number, unit)
		if err != nil {
			return nil, usage("%q: %v", word, err)
		}
		switch {
		case i < 0 && unit == "":
			return nil, usage("the attempt counts no %s; to add it, say its unit too, as %s=%ss", name, name, number)
		case i < 0:
			used = append(used, q)
		case used[i].Unit != q.Unit:
			return nil, usage("%q: the attempt counts %s in %s", word, name, used[i].Unit)
		default:
			used[i] = q
		}
	}
	return used, nil
}

func newRefund(a *app) *cobra.Command {
	return a.newCredit("refunds", "refund", "Give back what an attempt was charged",
		`Give back what an attempt was charged, since something went wrong; for operators
and accountants. REF is the attempt's, as starling history shows it. In sum no
more is given back than was charged, and nothing twice.`)
}

func newDiscount(a *app) *cobra.Command {
	return a.newCredit("discounts", "discount", "Take something off what an attempt was charged",
		`Take something off what an attempt was charged, as a favour; for operators and
accountants. REF is the attempt's, as starling history shows it. Discounts for
many are better written into the node's tariff (see starling config).`)
}

func (a *app) newCredit(path, verb, short, long string) *cobra.Command {
	var reason, key, resource string
	var all bool
	cmd := &cobra.Command{
		Use:     verb + " REF (AMOUNT [UNIT] | --all)",
		Short:   short,
		Long:    long,
		Example: fmt.Sprintf("  starling %[1]s 01a2…cc2 1.25 EUR --reason \"the disk was full\"\n  starling %[1]s 01a2…cc2 --all --reason \"lost to a power cut\"", verb),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 3 || all != (len(args) == 1) {
				return usage("want REF and an amount, as 1.25 EUR, or --all")
			}
			return areUUIDs("an attempt", args[:1])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var amounts any
			if all {
				entry, err := c.HistoryEntry(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				billed := entry.Billed()
				if len(billed) == 0 {
					return fmt.Errorf("attempt %s is charged nothing, after all that was given back before", args[0])
				}
				amounts = billed
			} else {
				amount := map[string]string{"name": resource, "amount": args[1]}
				if len(args) == 3 {
					amount["unit"] = args[2]
				}
				amounts = []any{amount}
			}
			answer, err := c.Adjust(cmd.Context(), args[0], path, map[string]any{"amounts": amounts, "reason": reason}, key)
			if err != nil {
				return err
			}
			return a.printAdjusted(answer)
		},
	}
	a.orderFlags(cmd, &reason, &key)
	cmd.Flags().StringVar(&resource, "resource", string(accounting.Monetary), "of what: monetary, energy, carbon, …")
	cmd.Flags().BoolVar(&all, "all", false, "everything that it is charged")
	return cmd
}

func (a *app) orderFlags(cmd *cobra.Command, reason, key *string) {
	cmd.Flags().StringVar(reason, "reason", "", "why; it stays on record")
	cmd.Flags().StringVar(key, "key", "", "names this order: the same again with the same key is done once")
	_ = cmd.MarkFlagRequired("reason")
}

// printAdjusted says what has become of an attempt's charges.
func (a *app) printAdjusted(answer *client.Adjusted) error {
	if a.forPrograms() {
		return a.writeDocument(answer)
	}
	if answer.Duplicate {
		say(a.err, "this was ordered before, under the same key; nothing has changed")
	}
	say(a.out, "attempt %s of %s, %s", words.Clean(string(answer.HistoryRef)), words.Clean(answer.Owners.Payer().String()), words.Clean(string(answer.Period)))
	row := func(name, value string) { labelled(a.out, a.outWidth, len("  priced    "), "  "+name, value) }
	row("used", quantities(inForce(&answer.HistoryEntry)))
	row("priced", exactly(answer.Charges))
	for _, adjustment := range answer.Adjustments {
		row(adjustmentLabel(adjustment), adjustmentText(adjustment))
	}
	row("charged", firstOf(exactly(answer.HistoryEntry.Billed()), "nothing"))
	return nil
}

// inForce is what an attempt used by the newest word on it.
func inForce(h *accounting.HistoryEntry) []accounting.Quantity {
	if h.Corrected != nil {
		return h.Corrected.Resources
	}
	return h.Resources
}

func adjustmentLabel(a accounting.Adjustment) string {
	if a.Kind == accounting.EntryCorrection {
		return "corrected"
	}
	return string(a.Kind)
}

func adjustmentText(a accounting.Adjustment) string {
	text := "-" + exactly(a.Amounts)
	if a.Kind == accounting.EntryCorrection {
		text = "to " + firstOf(exactly(a.Charges), "nothing")
	}
	return text + ", by " + string(a.By) + ": " + a.Reason
}

// exactly lists amounts as they are, to the last digit.
func exactly(list []accounting.Quantity) string {
	var parts []string
	for _, q := range list {
		text := string(q.Amount.Format(q.Unit)) + " " + string(q.Unit)
		if q.Name != accounting.Monetary {
			text += " " + string(q.Name)
		}
		parts = append(parts, words.Clean(text))
	}
	return strings.Join(parts, ", ")
}
