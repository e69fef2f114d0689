package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// plan is what a soak is to be.
type plan struct {
	program        string
	dir            string // where data are, and stay
	duration, rest time.Duration
	warm, every    time.Duration
	rate           float64
	seed           uint64
	commit         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	var p plan
	flags.DurationVar(&p.duration, "duration", time.Hour, "how long the load lasts")
	flags.DurationVar(&p.warm, "warm", time.Minute, "how long a load warms the nodes up")
	flags.DurationVar(&p.rest, "rest", 2*time.Minute+30*time.Second, "how long nodes rest before their level is taken: the collector comes every two minutes")
	flags.DurationVar(&p.every, "every", 10*time.Second, "how often samples are taken")
	flags.Float64Var(&p.rate, "rate", 12, "operations a second that users begin, at each federation")
	flags.Uint64Var(&p.seed, "seed", uint64(time.Now().UnixNano()), "of all that users do")
	flags.StringVar(&p.commit, "commit", "", "of the program, for the table")
	sizes := flags.String("nodes", "1,5", "how many nodes each federation has")
	results := flags.String("results", "", "the file to which the table goes; default: printed alone")
	flags.StringVar(&p.dir, "dir", "", "where the nodes keep their data, and samples are written; default: a directory of its own, removed at the end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("want the program: go run ./deploy/soak [flags] bin/starling")
	}
	var err error
	if p.program, err = filepath.Abs(flags.Arg(0)); err != nil {
		return err
	}
	if p.dir == "" {
		if p.dir, err = os.MkdirTemp("", "starling-soak-"); err != nil {
			return err
		}
		defer os.RemoveAll(p.dir)
	}
	began := time.Now()
	var soaks []*soak
	group, ctx := errgroup.WithContext(ctx)
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 || size > 26 {
			return fmt.Errorf("-nodes: %q is no number of nodes, from 1 to 26", text)
		}
		s := &soak{plan: p, size: size, log: slog.With("nodes", size)}
		soaks = append(soaks, s)
		group.Go(func() error { return s.run(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	table := report(p, began, soaks)
	fmt.Println(table)
	if *results != "" {
		if err := os.WriteFile(*results, []byte(table), 0o644); err != nil {
			return err
		}
	}
	for _, s := range soaks {
		if len(s.leaks) > 0 {
			return errors.New("something was not given back; see the table")
		}
	}
	return nil
}
