package main

import (
	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
)

func newLogs(a *app) *cobra.Command {
	var follow, stderr bool
	cmd := &cobra.Command{
		Use:               "logs UUID",
		Short:             "Print what a session writes to its standard output",
		Args:              one("a session"),
		ValidArgsFunction: a.completeSessions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			output := client.Stdout
			if stderr {
				output = client.Stderr
			}
			return c.CopyOutput(cmd.Context(), args[0], output, follow, a.out)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the session ends")
	cmd.Flags().BoolVar(&stderr, "stderr", false, "its standard error instead")
	return cmd
}
