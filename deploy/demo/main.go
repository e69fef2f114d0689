// Command demo shows the main job of Starling on three sites: it starts a node for
// each, serves the data and the program of the Hubble example over HTTP as one site's
// storage, and places sessions: one where its data are, one where cores are free, one
// where it costs least. Offers are asked for at one site and accepted at another; all
// of them tell the same of what ran and what it cost.
//
// It runs the starling binary as users at the sites would, prints each command before
// it runs it, takes ports that are free, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"starling/deploy/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// However slow the machine, the demo ends by itself.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo STARLING-BINARY EXAMPLES-DIRECTORY")
		os.Exit(2)
	}
	if err := demo(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, binary, examples string) (err error) {
	dir, err := os.MkdirTemp("", "starling-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	hubble := filepath.Join(examples, "hubble")
	data, err := serveFiles(hubble)
	if err != nil {
		return err
	}
	defer data.Close()
	if err := writeWithData(filepath.Join(hubble, "request.yaml"), filepath.Join(dir, "request.yaml"), data.url); err != nil {
		return err
	}
	var configurations []string
	for _, name := range []string{"uksrc", "spsrc", "jpsrc"} {
		configurations = append(configurations, filepath.Join(examples, "sites", name+".yaml"))
	}
	all, err := startSites(ctx, binary, dir, configurations, data.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.stop()) }()
	return story{terminal.User{Binary: binary, Dir: dir}, all}.tell(ctx)
}
