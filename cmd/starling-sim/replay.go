package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/scheduling/workload"
)

// replayFlags is what the user says of a replay.
type replayFlags struct {
	policy, cpus, trace, output string
	procs                       int64
}

// report is a result with what only the command knows.
type report struct {
	workload.Result
	Trace   string  `json:"trace"`
	Elapsed float64 `json:"elapsed"` // seconds of real time, reading the log included
}

func replayCommand() *cobra.Command {
	var flags replayFlags
	cmd := &cobra.Command{
		Use:   "replay --trace FILE.swf[.gz]",
		Short: "replay a workload log through a timeline, in virtual time",
		Long: `Replay a log in the Standard Workload Format (https://www.cs.huji.ac.il/labs/parallel/workload) through the
timeline that the broker books with, in virtual time, and print how long the jobs waited. Times are in seconds.
The slowdown of a job is (wait + run) / max(run, 10 s), at least 1. Jobs without a run time are skipped; a job that
ran longer than it had requested is stopped at that time.`,
		Example: "  starling-sim replay --policy conservative --cpus allocated --trace KTH-SP2.swf.gz -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return replay(cmd.InOrStdin(), cmd.OutOrStdout(), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.policy, "policy", string(workload.Conservative), "fcfs, conservative, easy or easy-sjbf")
	f.StringVar(&flags.cpus, "cpus", string(workload.Requested), "processors that a job takes: requested or allocated")
	f.StringVar(&flags.trace, "trace", "", "log to replay, plain or gzip; - for standard input")
	f.Int64Var(&flags.procs, "procs", 0, "processors of the machine (default: MaxProcs of the log's header)")
	f.StringVarP(&flags.output, "output", "o", "table", "json or table")
	_ = cmd.MarkFlagRequired("trace") // fails only if there is no such flag
	choices(cmd, "policy", workload.Policies())
	choices(cmd, "cpus", []workload.CPUs{workload.Requested, workload.Allocated})
	choices(cmd, "output", []string{"json", "table"})
	return cmd
}

// choices teaches the shell's completion what a flag can be.
func choices[S ~string](cmd *cobra.Command, flag string, values []S) {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func replay(stdin io.Reader, out io.Writer, flags replayFlags) error {
	begun := time.Now()
	write, err := writer(flags.output)
	if err != nil {
		return err
	}
	options := workload.Options{
		Policy: workload.Policy(flags.policy), CPUs: workload.CPUs(flags.cpus), Procs: flags.procs,
	}
	if err := options.Check(); err != nil {
		return err
	}
	trace, err := open(stdin, flags.trace)
	if err != nil {
		return err
	}
	result, err := workload.Replay(trace, options)
	if err != nil {
		return fmt.Errorf("%s: %w", flags.trace, err)
	}
	return write(out, report{result, flags.trace, time.Since(begun).Seconds()})
}

// open reads the log of that name.
func open(stdin io.Reader, name string) (*workload.Trace, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	trace, err := workload.Read(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return trace, nil
}

// writer returns what writes a report in the form asked for.
func writer(form string) (func(io.Writer, report) error, error) {
	switch form {
	case "json":
		return writeJSON, nil
	case "table":
		return writeTable, nil
	}
	return nil, fmt.Errorf("unknown output %q: json or table", form)
}

func writeJSON(out io.Writer, r report) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func writeTable(out io.Writer, r report) error {
	var b strings.Builder
	line := func(name, form string, values ...any) {
		fmt.Fprintf(&b, "%-22s"+form+"\n", append([]any{name}, values...)...)
	}
	line("trace", "%s", r.Trace)
	line("policy", "%s", r.Policy)
	line("processors", "%d (%s)", r.Procs, r.CPUs)
	line("jobs", "%d (%d without a run time skipped)", r.Jobs, r.Skipped)
	line("mean wait", "%.3f s", r.MeanWait)
	line("longest wait", "%.0f s", r.MaxWait)
	line("mean bounded slowdown", "%.6f", r.MeanBoundedSlowdown)
	line("makespan", "%.0f s", r.Makespan)
	line("utilisation", "%.2f %%", 100*r.Utilisation)
	line("elapsed", "%.3f s", r.Elapsed)
	_, err := io.WriteString(out, b.String())
	return err
}
