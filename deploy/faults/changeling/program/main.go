// Command program is what a changeling's container runs in the place of starling: the
// node is package changeling's, and every other command starling's own, which lies
// beside it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"starling/deploy/faults/changeling"
	"starling/node/config"
)

// starling is where the image has the real one.
const starling = "/starling"

func main() {
	if len(os.Args) != 2 || os.Args[1] != "serve" {
		err := syscall.Exec(starling, append([]string{starling}, os.Args[1:]...), os.Environ()) //nolint:gosec // its own arguments
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve reads the configuration as `starling serve` does without flags.
func serve(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	c, err := config.Load(config.Sources{File: os.Getenv("STARLING_CONFIG"), Environ: os.Environ(), Host: host, Serve: true})
	if err != nil {
		return err
	}
	machine, err := config.Machine(c.Data)
	if err != nil {
		return err
	}
	c.Capacity = c.Capacity.Or(machine)
	return changeling.Run(ctx, c, slog.New(slog.NewJSONHandler(os.Stderr, nil)), "changeling")
}
