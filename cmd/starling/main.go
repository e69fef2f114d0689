// Command starling is a federated execution broker and all that people need to
// use one: the node itself (starling serve), and a client for astronomers,
// operators and programs.
//
// One file is one command. What they share is small: app.go is the world that a
// command works in, exit.go what its end means to a shell, package site makes a node
// of a configuration, and the packages below internal speak to nodes, make requests,
// and set tables.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"starling/node/executor/shim"
)

func main() {
	// The process executor starts this program again as its shim, which keeps
	// the exit status of what it runs. That must come first: a shim has no
	// flags, no configuration and no use for anything below.
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(shim.Main(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(execute(ctx, systemApp(), os.Args[1:]))
}
