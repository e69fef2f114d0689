package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"
	berrors "go.etcd.io/bbolt/errors"

	"starling/accounting"
	"starling/consensus"
)

func newDebugHistory(a *app, data *string) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history [REF]",
		Short: "List the attempts on record, or show one",
		Args:  oneOrNone("an attempt"),
		RunE: func(_ *cobra.Command, args []string) error {
			return inspect(*data, func(view accounting.View) error {
				if len(args) == 1 {
					entry, err := accounting.History(view, accounting.Everyone(), accounting.Ref(args[0]))
					if err != nil {
						return err
					}
					return a.printEntry(&entry)
				}
				filter := accounting.HistoryFilter{Caller: accounting.Everyone()}
				entries, _, err := accounting.Histories(view, filter, "", limit)
				if err != nil {
					return err
				}
				if a.forPrograms() {
					return a.writeDocument(map[string]any{"history": entries})
				}
				return a.writeTable(historyTable(entries, a.now()), "nothing was run yet")
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "how many")
	return cmd
}

func newDebugAudit(a *app, data *string) *cobra.Command {
	return &cobra.Command{
		Use:   "audit",
		Short: "Check that the ledger balances, entry by entry",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := inspect(*data, accounting.Audit); err != nil {
				return err
			}
			say(a.out, "the ledger balances")
			return nil
		},
	}
}

// inspect opens the record for reading only, which fails while a node has it
// open.
func inspect(data string, read func(accounting.View) error) error {
	err := consensus.Inspect(recordDir(data), read)
	var opening *fs.PathError
	if errors.As(err, &opening) || errors.Is(err, berrors.ErrTimeout) {
		return explainOpen(data, filepath.Join(recordDir(data), consensus.StateFile), err)
	}
	return err
}

// recordDir is the directory of the replicated state in a data directory: history
// and ledger.
func recordDir(data string) string { return data }
