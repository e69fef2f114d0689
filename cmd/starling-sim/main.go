// Command starling-sim puts Starling's own code under load without a network of sites: it replays the logs of real
// machines through the timelines that the broker books with, plays federations of a thousand nodes in virtual time, and
// measures how fast nodes are on the machine at hand.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "starling-sim:", err)
		os.Exit(1)
	}
}

// root is the table of contents.
func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "starling-sim",
		Short:         "replay and load Starling's scheduling",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	cmd.AddCommand(replayCommand(), networkCommand(), benchCommand())
	return cmd
}
