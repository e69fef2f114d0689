package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

// What the program's exit status means.
const (
	exitFailure     = 1   // the answer was NO, or something failed
	exitUsage       = 2   // the command line was wrong
	exitInterrupted = 130 // Ctrl-C, as shells have it
)

// errSaid ends a command with exit status 1 when all has been said already: a
// NO with its messages, a session that failed.
var errSaid = errors.New("said already")

// execute runs one command line and returns its exit status.
func execute(ctx context.Context, a *app, args []string) int {
	defer a.close()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, errSaid):
		return exitFailure
	}
	fmt.Fprintln(a.err, "starling:", indented(err.Error()))
	if trace, is := client.ForOperator(err); is {
		fmt.Fprintf(a.err, "  trace %s: tell it to the operator, if you ask why\n", words.Clean(trace))
	}
	// What failed before a command began its work failed in the command line.
	var usage *usageError
	if !a.began || errors.As(err, &usage) {
		fmt.Fprintf(a.err, "`%s --help` says how it is used\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailure
}

// indented sets the lines of an error beneath each other, fit for a terminal: it
// may quote anybody. Cobra's have empty ones and tabs.
func indented(text string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	for i := range lines {
		lines[i] = words.Clean(strings.ReplaceAll(lines[i], "\t", "  "))
	}
	return strings.Join(lines, "\n  ")
}

// usageError is a mistake in the command line that only a command itself finds.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// begin marks that the command line is understood and the work begins. Cobra
// would check the flags a moment later.
func (a *app) begin(cmd *cobra.Command, _ []string) error {
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups(), a.checkFormat(cmd)); err != nil {
		return err
	}
	a.began = true
	return nil
}
