package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	berrors "go.etcd.io/bbolt/errors"

	"starling/cmd/starling/internal/words"
	"starling/cmd/starling/site"
	"starling/consensus"
)

// recoverHelp is also what README's "When a majority is lost" goes through.
const recoverHelp = `Go on when more than half of the voters are lost for good.

Without flags this shows what the node's directory has of the federation's log,
and changes nothing. Look at all nodes that are left, while they are down. The one
whose log ends last (the last term decides, and in the same term the last entry)
has all that any of them has applied: recover that one, and let the others rejoin.

With --yes this node becomes the only voter of its federation and keeps all that
it has. Start it then. With --rejoin --yes its part of the log is moved aside, and
the node joins the federation anew when it is started; what waits in its outbox is
handed over. Nothing is deleted. Nodes that were thought lost and come back are
refused until they rejoin in the same way.`

func newDebugRecover(a *app, data *string) *cobra.Command {
	var yes, rejoin bool
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Go on when a majority of the federation is lost",
		Long:  recoverHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case !yes && rejoin:
				return usage("--rejoin moves the node's part of the log aside; add --yes if that is meant")
			case !yes:
				return a.showRemnant(*data)
			case rejoin:
				return a.rejoin(*data)
			}
			return a.recover(*data)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it: make this node the only voter")
	cmd.Flags().BoolVar(&rejoin, "rejoin", false, "with --yes: move this node's part of the log aside instead")
	return cmd
}

// showRemnant shows what the directory has.
func (a *app) showRemnant(data string) error {
	found, err := consensus.Survey(recordDir(data), site.SessionsPath(data))
	if err != nil {
		return explainRecovery(data, err)
	}
	if a.forPrograms() {
		return a.writeDocument(found)
	}
	const indent = 12
	write := func(name, format string, values ...any) {
		labelled(a.out, a.outWidth, indent, name, fmt.Sprintf(format, values...))
	}
	write("server", "%s", found.Server)
	write("federation", "%s", found.Federation)
	if found.Recoveries > 0 {
		write("recovered", "%s", words.Many(int(found.Recoveries), "time"))
	}
	write("log ends", "in term %d at entry %d", found.LastTerm, found.LastIndex)
	write("applied", "up to entry %d", found.Applied)
	write("outbox", "%s waiting", words.Many(found.Outbox, "record"))
	for i, s := range found.Servers {
		kind := "replica"
		if s.Voter {
			kind = "voter"
		}
		write(map[bool]string{true: "members"}[i == 0], "%s (%s)", s.Node, kind)
	}
	return nil
}

// recover makes the node the only voter.
func (a *app) recover(data string) error {
	if err := consensus.Recover(recordDir(data), slog.New(slog.DiscardHandler)); err != nil {
		return explainRecovery(data, err)
	}
	say(a.out, "this node is the only voter of its federation now")
	fmt.Fprintln(a.err, "start it, and then let the others rejoin: starling debug recover --rejoin --yes")
	return nil
}

// rejoin has the node join anew.
func (a *app) rejoin(data string) error {
	moved, err := consensus.Rejoin(recordDir(data), site.SessionsPath(data))
	for _, path := range moved {
		say(a.out, "moved aside: %s", path)
	}
	if err != nil {
		return explainRecovery(data, err)
	}
	fmt.Fprintln(a.err, "start the node with --join and the gossip address of one that is in the federation")
	return nil
}

// explainRecovery says what to do about a node that runs.
func explainRecovery(data string, err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("a node has the files in %s open; stop it first", data)
	}
	return err
}
