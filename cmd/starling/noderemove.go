package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/words"
)

func newRemoveNode(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a node that is gone for good out of the federation",
		Long: `Take a node that is gone for good out of the federation: the others stop
waiting for it and sending to it. What it had not handed to the log is lost with
it, unless it comes back and joins again. One that is alive leaves by itself
(starling leave).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			remembering, err := c.Expel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is no member any more\n", words.Clean(args[0]))
			for _, r := range remembering {
				fmt.Fprintf(a.out, "%s goes on listing it: %s\n", words.Clean(r.Node), words.Clean(r.Detail))
			}
			return nil
		},
	}
}
