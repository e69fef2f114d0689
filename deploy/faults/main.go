package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"starling/deploy/faults/inject"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// options are what is said on the command line.
type options struct {
	runs     string
	seed     uint64
	parallel int
	again    bool
	list     bool
	baseline time.Duration
	rate     float64
	program  string
	results  string
	table    string
	kept     string
}

func parse(arguments []string) (options, error) {
	var o options
	f := flag.NewFlagSet("faults", flag.ContinueOnError)
	f.StringVar(&o.runs, "runs", "short", "`which` runs: short, all, or names of faults and runs (kill-leader,split-2-3/4)")
	f.Uint64Var(&o.seed, "seed", 0, "of the plan; drawn and printed where 0")
	f.IntVar(&o.parallel, "parallel", 1, "how many clusters at a time")
	f.BoolVar(&o.again, "again", false, "repeat what has failed, too; single runs that are named are repeated in any case")
	f.BoolVar(&o.list, "list", false, "list the faults and do nothing")
	f.DurationVar(&o.baseline, "baseline", 20*time.Second, "how long the load runs before the fault")
	f.Float64Var(&o.rate, "rate", 0, "operations a second; a quarter of what is measured where 0")
	f.StringVar(&o.program, "program", "", "a static starling to hurt; built from here where empty")
	f.StringVar(&o.results, "results", "", "the `file` to which results are added, one JSON document a line; a temporary one where empty")
	f.StringVar(&o.table, "table", "", "the `file` into which a page of all results is written")
	f.StringVar(&o.kept, "kept", filepath.Join(os.TempDir(), "starling-faults"), "the `directory` for the evidence of failures")
	if err := f.Parse(arguments); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q: there are only flags", f.Arg(0))
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000)
	}
	if o.results == "" {
		o.results = filepath.Join(os.TempDir(), fmt.Sprintf("starling-faults-%d-%d.jsonl", o.seed, os.Getpid()))
	}
	if o.parallel < 1 || o.baseline <= 0 || o.rate < 0 {
		return o, errors.New("--parallel, --baseline and --rate are positive")
	}
	return o, nil
}

func command(ctx context.Context, arguments []string) error {
	o, err := parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	faults := inject.All()
	if o.list {
		return list(os.Stdout, faults)
	}
	runs, err := plan(faults, choice(o.runs), o.seed)
	if err != nil {
		return err
	}
	written, err := openBook(o.results)
	if err != nil {
		return err
	}
	if left := written.todo(runs, o.seed, o.again); len(left) < len(runs) {
		fmt.Printf("%d of %d runs are in %s already\n", len(runs)-len(left), len(runs), o.results)
		runs = left
	}
	fmt.Printf("seed %d, %d runs, results in %s\n", o.seed, len(runs), o.results)
	err = campaigning(ctx, o, runs, written)
	if o.table != "" {
		err = errors.Join(err, writeTable(o.table, faults, written.latest()))
	}
	return errors.Join(err, conclude(written, runs, o.seed))
}

// campaigning makes the runs.
func campaigning(ctx context.Context, o options, runs []run, written *book) (err error) {
	if len(runs) == 0 {
		return nil
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	if err := sweep(ctx, say); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "starling-faults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stage := &containers{program: o.program, rate: o.rate}
	defer func() { err = errors.Join(err, stage.close(context.WithoutCancel(ctx))) }()
	say("building the images")
	if err := stage.prepare(ctx, dir); err != nil {
		return err
	}
	if stage.rate == 0 {
		if stage.rate, err = quarter(ctx, stage, say); err != nil {
			return err
		}
	}
	c := &campaign{
		stage: stage, seed: o.seed, commit: commit(ctx), kept: o.kept, say: say, book: written, left: runs,
		times: times{Baseline: o.baseline, Settling: 2 * time.Minute, Run: 12 * time.Minute},
	}
	workers, ctx := errgroup.WithContext(ctx)
	for range o.parallel {
		workers.Go(func() error { return c.work(ctx) })
	}
	return workers.Wait()
}

// quarter is the rate of a load: a quarter of what a cluster can take on this machine
// now, and enough for the baseline to mean something in any case.
func quarter(ctx context.Context, on *containers, say func(string, ...any)) (float64, error) {
	f, err := on.raise(ctx, nil)
	if err != nil {
		return 0, err
	}
	most, err := f.(*containerFederation).capacity(ctx)
	err = errors.Join(err, f.remove(context.WithoutCancel(ctx)))
	rate := max(most/4, 0.8*least) // executors and treasurers come on top
	say("five sites take %.0f operations a second; the load is %.0f", most, rate)
	return rate, err
}

// commit names what is hurt, with a + where files were changed since.
func commit(ctx context.Context) string {
	said, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(said))
}

// conclude is an error if a run of this plan has failed, or if most prove nothing.
func conclude(b *book, runs []run, seed uint64) error {
	wanted := map[string]bool{}
	for _, r := range runs {
		wanted[r.name()] = true
	}
	count := map[verdict]int{}
	for _, r := range b.latest() {
		if r.Plan == seed && wanted[fmt.Sprintf("%s/%d", r.Fault, r.Number)] {
			count[r.Verdict]++
		}
	}
	missing := len(runs) - count[passed] - count[failed] - count[inconclusive]
	fmt.Printf("%d passed, %d failed, %d inconclusive, %d not made\n", count[passed], count[failed], count[inconclusive], missing)
	if count[failed] > 0 {
		return fmt.Errorf("%d of %d runs have failed", count[failed], len(runs))
	}
	if 2*count[passed] < len(runs) {
		return fmt.Errorf("only %d of %d runs prove anything: give this machine nothing else to do, and repeat them", count[passed], len(runs))
	}
	return nil
}
