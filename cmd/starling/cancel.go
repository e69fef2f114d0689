package main

import (
	"errors"

	"github.com/spf13/cobra"

	"starling/api/ivoa"
)

func newCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "cancel UUID…",
		Short:             "Stop sessions and release what they hold",
		Args:              some("a session"),
		ValidArgsFunction: a.completeSessions(active...),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var failed []error
			for _, id := range args {
				session, err := c.SetPhase(cmd.Context(), id, ivoa.SessionCancelled)
				if err == nil {
					err = a.printPhase(session)
				}
				failed = append(failed, err)
			}
			return errors.Join(failed...)
		},
	}
}
