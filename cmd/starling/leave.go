package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newLeave(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Take a node out of its federation, and stop it",
		Long: `Take the node that is asked (--node) out of its federation, and stop it. It hands
its records to the log first, and the leadership if it has it. Its data directory
stays as it is: started again, it joins again.

A node stays while sessions of it have not ended; --force lets it go all the same.
What becomes of them is recorded when it has joined again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if err := c.Leave(cmd.Context(), force); err != nil {
				return err
			}
			fmt.Fprintln(a.out, "the node has left the federation, and stops")
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "even with sessions that have not ended")
	return cmd
}
