package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node/chronicle"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain UUID",
		Short: "Say what became of a session, and why it waited",
		Long: `Say what became of a session, chapter by chapter: how long it was in each phase, and
why. Any node answers, also for sessions that ended long ago, as far as that is on
record; what isn't, it says.`,
		Example: `  starling explain 019a9c1e-6e2b-8000-8000-3f1c0a9b7d21
  starling explain 019a9c1e-6e2b-8000-8000-3f1c0a9b7d21 -o json | jq .waitedSeconds`,
		Args:              one("a session"),
		ValidArgsFunction: a.completeSessions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			told, err := c.Explanation(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printExplanation(told)
		},
	}
}

// printExplanation tells people what became of a session.
func (a *app) printExplanation(told *chronicle.Explanation) error {
	if a.forPrograms() {
		return a.writeDocument(told)
	}
	fmt.Fprintf(a.out, "session %s at %s: %s\n", words.Clean(told.Session), words.Clean(string(told.Node)), words.Clean(told.Phase))
	for _, line := range words.Wrap(words.Local(words.Clean(told.Summary), a.now()), a.helpWidth()) {
		fmt.Fprintln(a.out, line)
	}
	fmt.Fprintln(a.out)
	if err := a.writeTable(chapterTable(told.Chapters, a.now()), ""); err != nil {
		return err
	}
	for _, m := range told.Unknown {
		for _, line := range words.Wrap("not known: "+words.Clean(m.Text), a.helpWidth()) {
			fmt.Fprintln(a.out, line)
		}
	}
	if told.Accepted != "" {
		fmt.Fprintf(a.out, "trace %s (accepted)\n", words.Clean(string(told.Accepted)))
	}
	if told.Asked != "" && told.Asked != told.Accepted {
		fmt.Fprintf(a.out, "trace %s (asked)\n", words.Clean(string(told.Asked)))
	}
	return nil
}

// chapterTable has a line for each chapter, and its reasons beneath.
func chapterTable(chapters []chronicle.Chapter, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "phase"},
		table.Column{Name: "from", Right: true},
		table.Column{Name: "for", Right: true},
		table.Column{Name: "attempt", Right: true, Optional: true},
	)
	for i, c := range chapters {
		lasted, attempt := words.Duration(time.Duration(c.Seconds*float64(time.Second))), ""
		if c.Until == 0 {
			lasted = ""
			if c.Seconds > 0 {
				lasted = words.Duration(time.Duration(c.Seconds*float64(time.Second))) + " so far"
			}
		}
		if c.Attempt > 0 && (i == 0 || chapters[i-1].Attempt != c.Attempt) {
			attempt = fmt.Sprint(c.Attempt)
		}
		t.Add(c.Phase, words.Instant(c.From.Time(), now), lasted, attempt)
		for _, m := range c.Reasons {
			t.Below(words.Local(m.Text, now))
		}
	}
	return t
}
