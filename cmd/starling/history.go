package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/accounting"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newHistory(a *app) *cobra.Command {
	var filter client.HistoryFilter
	var how reading
	var all, updates bool
	cmd := &cobra.Command{
		Use:   "history [REF]",
		Short: "List what was run, or show the record of one attempt",
		Long: `List what was run, or show the record of one attempt. As JSON lines or CSV it is
all that matches, however much, unless --limit says how many.`,
		Example: `  starling history --phase failed
  starling history --owner proposal:P-7 --since 2026-08-01T00:00:00Z -o csv > P-7.csv
  starling history -o jsonl | jq .session`,
		Args:        oneOrNone("an attempt"),
		Annotations: map[string]string{asCSV: "yes", asLines: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if updates && len(args) == 0 {
				return usage("--updates needs an attempt: starling history REF --updates")
			}
			exported := a.output == asCSV || a.output == asLines
			if exported && len(args) > 0 {
				return usage("--format: one attempt is to be had as table, json and yaml")
			}
			filter.Phase = strings.ToUpper(filter.Phase)
			return a.read(&how, func(c *client.Client) error {
				switch {
				case exported:
					return c.Export(cmd.Context(), filter, mediaType(a.output), a.out)
				case updates:
					list, err := c.Updates(cmd.Context(), args[0], filter.Limit, all)
					if err != nil {
						return err
					}
					return a.printUpdates(cmd, list)
				case len(args) == 1:
					entry, err := c.HistoryEntry(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					return a.printEntry(entry)
				}
				list, err := c.History(cmd.Context(), filter, all)
				if err != nil {
					return err
				}
				return a.printHistory(cmd, list)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.Owner, "owner", "", "only for this owner: user:NAME, group:ID, proposal:ID, programme:ID or tag:ID")
	f.StringVar(&filter.Session, "session", "", "only attempts at this session")
	f.StringVar(&filter.Phase, "phase", "", "only in this phase")
	f.StringVar(&filter.User, "user", "", "only this user's (for operators)")
	f.StringVar(&filter.At, "at", "", "only at this node")
	f.StringVar(&filter.Trace, "trace", "", "only of sessions that were accepted by the request with this trace")
	f.StringVar(&filter.Since, "since", "", "only what was despatched at or after this time: 2026-12-01T00:00:00Z")
	f.StringVar(&filter.Until, "until", "", "only what was despatched before this time")
	f.Var(positive{&filter.Limit}, "limit", "how many on a page")
	f.BoolVar(&updates, "updates", false, "everything that was reported of the attempt, in order")
	f.BoolVar(&all, "all-pages", false, "all of them, rather than one page")
	how.flag(cmd)
	return cmd
}

// printHistory lists attempts.
func (a *app) printHistory(cmd *cobra.Command, list *client.HistoryList) error {
	if a.forPrograms() {
		return a.writeDocument(list)
	}
	if err := a.writeTable(historyTable(list.History, a.now()), nothing(cmd, "nothing was run yet")); err != nil {
		return err
	}
	a.more(list.Next)
	return nil
}

func historyTable(entries []accounting.HistoryEntry, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "ref"},
		table.Column{Name: "phase"},
		table.Column{Name: "opened", Right: true},
		table.Column{Name: "took", Right: true},
		table.Column{Name: "charged", Right: true, Flexible: true, Optional: true},
		table.Column{Name: "on record", Optional: true},
	)
	for _, h := range entries {
		t.Add(string(h.HistoryRef), string(h.Phase), words.Instant(h.Opened.Time(), now), took(&h), chargedText(h.Billed()), notYet(h.Pending))
	}
	return t
}

// notYet marks what only the node knows of that was asked.
func notYet(pending bool) string {
	if pending {
		return "pending"
	}
	return ""
}

// took says how long an attempt took, from despatch to completion.
func took(h *accounting.HistoryEntry) string {
	if h.Ended.IsZero() {
		return ""
	}
	return words.Duration(h.Ended.Time().Sub(h.Opened.Time()))
}

func chargedText(charges []accounting.Quantity) string {
	for _, q := range charges {
		if q.Name == accounting.Monetary {
			return quantities([]accounting.Quantity{q})
		}
	}
	return ""
}

// printEntry shows the whole record of one attempt.
func (a *app) printEntry(h *accounting.HistoryEntry) error {
	if a.forPrograms() {
		return a.writeDocument(h)
	}
	now := a.now()
	row := func(name, value string) { labelled(a.out, a.outWidth, len("executor  "), name, value) }
	row("attempt", string(h.HistoryRef))
	row("session", string(h.Session)+", attempt "+words.Amount(float64(h.Attempt)))
	row("phase", string(h.Phase))
	row("on record", notYet(h.Pending))
	row("node", string(h.Node))
	row("executor", firstOf(h.ExecutorName, string(h.Executor)))
	row("user", string(h.Owners.User.ID))
	row("paid by", h.Owners.Payer().String()+", "+string(h.Period))
	row("opened", words.Instant(h.Opened.Time(), now))
	row("started", words.Instant(h.Started.Time(), now))
	row("ended", words.Instant(h.Ended.Time(), now))
	row("took", took(h))
	row("used", quantities(h.Resources))
	row("estimate", quantities(h.Estimate))
	if len(h.Adjustments) > 0 {
		row("priced", quantities(h.Charges))
	}
	for _, adjustment := range h.Adjustments {
		row(adjustmentLabel(adjustment), adjustmentText(adjustment))
	}
	row("charged", quantities(h.Billed()))
	if h.Failure != nil {
		row("failure", failureText(h.Failure))
	}
	for _, action := range h.Actions {
		row("action", action.ID+actionTime(action))
	}
	for _, e := range h.Exposures {
		row("exposure", exposureText(e, now))
		for _, f := range e.Files {
			row("", fileText(f))
		}
	}
	for _, f := range latest(h.Files) {
		row("file", fileText(f))
	}
	if h.Omitted > 0 {
		row("and", words.Many(h.Omitted, "more report")+": starling history "+string(h.HistoryRef)+" --updates --all-pages")
	}
	for _, q := range h.Quality {
		row("quality", q.ID+" "+words.Amount(q.Value)+" "+q.Description)
	}
	for _, l := range h.Log {
		row("log", words.Instant(l.Time.Time(), now)+" "+l.Text)
	}
	for _, n := range h.Notes {
		row("note", words.Instant(n.Time.Time(), now)+" "+n.Text)
	}
	return nil
}

// latest leaves the earlier reports of a file out: it grew since.
func latest(files []accounting.File) []accounting.File {
	var kept []accounting.File
	for i, f := range files {
		again := func(later accounting.File) bool { return later.Name == f.Name }
		if !slices.ContainsFunc(files[i+1:], again) {
			kept = append(kept, f)
		}
	}
	return kept
}

func failureText(f *accounting.Failure) string {
	text := f.Message
	if f.Code != 0 {
		text += ", code " + strconv.Itoa(f.Code)
	}
	if f.Retry {
		text += ", to be tried again"
	}
	if f.VetoSeconds > 0 {
		text += ", not within " + words.Duration(time.Duration(f.VetoSeconds)*time.Second)
	}
	return text
}

func exposureText(e accounting.Exposure, now time.Time) string {
	text := e.ID
	if !e.Start.IsZero() {
		text += ", " + words.Instant(e.Start.Time(), now)
	}
	if !e.Start.IsZero() && !e.End.IsZero() {
		text += ", " + words.Duration(e.End.Time().Sub(e.Start.Time()))
	}
	return text
}

func fileText(f accounting.File) string {
	text := f.Name + ", " + words.Size(f.Bytes)
	if f.Location != "" {
		text += ", " + f.Location
	}
	return text
}

// printUpdates shows what was reported of an attempt, as it was recorded.
func (a *app) printUpdates(cmd *cobra.Command, list *client.UpdateList) error {
	if a.forPrograms() {
		return a.writeDocument(list)
	}
	t := table.New(
		table.Column{Name: "key"},
		table.Column{Name: "time", Right: true},
		table.Column{Name: "recorded", Right: true, Optional: true},
		table.Column{Name: "type"},
		table.Column{Name: "what", Flexible: true},
	)
	now := a.now()
	for _, u := range list.Updates {
		t.Add(string(u.Key), words.Instant(u.Time.Time(), now), words.Instant(u.Recorded.Time(), now), string(u.Type), updateText(u, now))
	}
	if err := a.writeTable(t, nothing(cmd, "nothing was reported")); err != nil {
		return err
	}
	a.more(list.Next)
	return nil
}

func updateText(u accounting.Update, now time.Time) string {
	switch {
	case u.Exposure != nil:
		return exposureText(*u.Exposure, now) + ", " + words.Many(len(u.Exposure.Files), "file")
	case u.File != nil:
		return fileText(*u.File)
	}
	return strings.TrimSpace(u.Action + " " + u.Text)
}

func actionTime(action accounting.Action) string {
	if !action.Failed.IsZero() {
		return ", failed: " + action.Message
	}
	if action.Completed.IsZero() || action.Started.IsZero() {
		return ""
	}
	return ", " + words.Duration(action.Completed.Time().Sub(action.Started.Time()))
}
