package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

func newWatch(a *app) *cobra.Command {
	var tail bool
	cmd := &cobra.Command{
		Use:   "watch UUID",
		Short: "Follow a session until it ends",
		Long: `Follow a session until it ends. The exit status is 0 if it was completed, and 1
if it failed, was cancelled, or was an offer that came to nothing.`,
		Args:              one("a session"),
		ValidArgsFunction: a.completeSessions(active...),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			session, err := c.Session(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), c, session, tail && !a.forPrograms(), "")
		},
	}
	cmd.Flags().BoolVar(&tail, "tail", false, "show its standard output too")
	return cmd
}

// watch follows a session, tells its end and fetches its files if there is a
// directory for them. Any end but COMPLETED is errSaid.
func (a *app) watch(ctx context.Context, c *client.Client, session *ivoa.Session, tail bool, dir string) error {
	id := session.UUID()
	told, err := a.follow(ctx, c, session, tail)
	if errors.Is(err, context.Canceled) {
		say(a.err, "session %s goes on\n`starling watch %s` follows it\n`starling cancel %s` stops it", id, id, id)
		return err
	}
	if err != nil {
		return err
	}
	if session, err = c.Session(ctx, id); err != nil {
		return err
	}
	if a.forPrograms() {
		err = a.writeIVOA(session)
	} else {
		a.tellEnd(ctx, c, session, told)
	}
	if err == nil && dir != "" {
		err = a.download(ctx, c, id, dir)
	}
	if err == nil && session.Phase != ivoa.SessionCompleted {
		return errSaid
	}
	return err
}

// download fetches all that a session has written.
func (a *app) download(ctx context.Context, c *client.Client, id, dir string) error {
	list, err := c.Files(ctx, id)
	if err != nil {
		return err
	}
	return a.fetch(ctx, c, id, list.Files, dir)
}
