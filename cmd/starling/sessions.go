package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node"
)

func newSessions(a *app) *cobra.Command {
	var filter client.SessionFilter
	var all bool
	cmd := &cobra.Command{
		Use:   "sessions [UUID]",
		Short: "List your sessions, the newest first, or show one",
		Long: `List your sessions at all sites, the newest first, or show one.

A site that doesn't answer is named in a warning: its sessions are missing then.`,
		Args: oneOrNone("a session"),
		Example: `  starling sessions --phase running,waiting
  starling sessions -o json --all-pages`,
		ValidArgsFunction: a.completeSessions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				session, err := c.Session(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := a.printSession(session); err != nil || a.forPrograms() || !client.Terminal(session.Phase) {
					return err
				}
				asked := *a
				asked.err, asked.errWidth = a.out, a.outWidth // this is what was asked for
				asked.tellAttempts(cmd.Context(), c, session.UUID())
				return nil
			}
			for i, phase := range filter.Phases {
				filter.Phases[i] = strings.ToUpper(phase)
			}
			list, err := c.Sessions(cmd.Context(), filter, all)
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeIVOA(list)
			}
			if err := a.writeTable(sessionTable(list.Sessions, a.now()), nothing(cmd, "no sessions yet")); err != nil {
				return err
			}
			a.printMessages(warnings(list.Messages))
			a.more(list.Next)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&filter.Phases, "phase", nil, "only these phases")
	f.StringVar(&filter.Owner, "owner", "", "only this user's (for operators)")
	f.StringVar(&filter.Name, "name", "", "only of this name")
	f.BoolVar(&filter.Here, "here", false, "only those of the node that is asked")
	f.Var(positive{&filter.Limit}, "limit", "how many on a page")
	f.BoolVar(&all, "all-pages", false, "all of them, rather than one page")
	return cmd
}

func sessionTable(sessions []*ivoa.Session, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "uuid"},
		table.Column{Name: "phase"},
		table.Column{Name: "site", Optional: true},
		table.Column{Name: "created", Right: true},
		table.Column{Name: "series", Optional: true},
		table.Column{Name: "user", Optional: true},
		table.Column{Name: "name", Flexible: true, Optional: true},
	)
	for _, s := range sessions {
		var created time.Time
		if s.Meta != nil {
			created = s.Meta.Created.Time
		}
		t.Add(s.UUID(), string(s.Phase), factsOf(s).site, words.Instant(created, now), seriesText(s), userOf(s), s.Name())
	}
	return t
}

// userOf is whose a session is, where the node says so: to operators, of others'.
func userOf(s *ivoa.Session) string {
	for _, m := range messagesOf(&s.Component) {
		if m.Kind == node.MessageUser {
			return m.Values["user"]
		}
	}
	return ""
}

// printSession shows one session in words.
func (a *app) printSession(s *ivoa.Session) error {
	if a.forPrograms() {
		return a.writeIVOA(s)
	}
	f, now := factsOf(s), a.now()
	row := func(name, value string) { labelled(a.out, a.outWidth, len("session  "), name, value) }
	row("session", s.UUID())
	row("name", s.Name())
	row("phase", string(s.Phase))
	row("series", seriesText(s))
	if !s.Expires.IsZero() {
		row("expires", words.Instant(s.Expires.Time, now)+" ("+words.In(s.Expires.Time, now)+")")
	}
	row("site", f.site)
	over := client.Terminal(s.Phase)
	if !f.start.IsZero() && !over {
		row("start", words.Instant(f.start, now)+" ("+words.In(f.start, now)+")")
	}
	row("for", lengthText(f.length))
	row("cores", f.cores)
	row("memory", f.memory)
	row("cost", f.cost(ivoa.CostMonetary))
	messages := messagesOf(&s.Component)
	if over {
		messages = warnings(messages) // why it was offered matters no more
	}
	a.printMessages(messages)
	return nil
}
