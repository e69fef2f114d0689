package main

import (
	"github.com/spf13/cobra"
)

// newDebug returns the commands that look into the data directory of a node
// that is down. They change nothing, but for recover when it is told to.
func newDebug(a *app) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "debug",
		Short: "Look into the data directory of a node that is down",
		Long: `Look into the data directory of a node that is down. Nothing is changed, but by
"recover --yes"; while the node runs its files are locked, and these commands say
so.`,
	}
	cmd.PersistentFlags().StringVar(&data, "data", "./starling-data", "data directory of the node")
	_ = cmd.MarkPersistentFlagDirname("data")
	cmd.AddCommand(
		newDebugSessions(a, &data),
		newDebugSession(a, &data),
		newDebugHistory(a, &data),
		newDebugAudit(a, &data),
		newDebugRecover(a, &data),
	)
	return cmd
}
