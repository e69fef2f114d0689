package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

func newNodes(a *app) *cobra.Command {
	var watch, log bool
	cmd := &cobra.Command{
		Use:   "nodes [NODE]",
		Short: "List the nodes of the federation and what they have free",
		Long: `List the nodes of the federation, as the one that is asked knows them, or tell all
that is known of one.

STATE is what gossip says: alive, dead, left; closed of one that is alive and takes
no work at present; revoked of a node whose certificate was, so that nobody speaks to
it; impostor of one at whose address another node answers; or unknown of one that is
in the log but isn't heard of. What is the matter with a node stands below it. CORES,
MEMORY (GiB) and GPUS are what is free now, of how much; QUEUE are sessions that wait
for their start, RUN those that run. ROLE is what the node is to the replicated log:
the leader, a voter, a replica (a copy without a vote), joining, or gone (no member
any more). HEARD is how old all that is: a node without news repeats itself every 15
seconds.

With --log the table is about the replicated log: APPLIED is the last entry that the
node's copy has, LAG how many it lacks, OUTBOX how many records wait at the node for
the log.

With --watch the table stays, and changes as the nodes do; where the output is no
terminal, a line is written for each change, or with --format json a document.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := availabilityView
			if log {
				view = logView
			}
			switch {
			case watch && len(args) > 0:
				return usage("--watch is for all nodes")
			case watch && a.output == asYAML:
				return usage("--watch writes lines or, with --format json, documents")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			if watch {
				return a.watchNodes(cmd.Context(), c, view)
			}
			list, err := c.Nodes(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return a.showNode(list.Nodes, args[0])
			}
			if a.forPrograms() {
				return a.writeDocument(list)
			}
			return a.writeTable(view.table(list.Nodes), "")
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on, and show what changes")
	cmd.Flags().BoolVar(&log, "log", false, "show how far each node's copy of the replicated log is")
	cmd.AddCommand(newRemoveNode(a), newNodeKeys(a), newRevokeNode(a), newRevokedNodes(a))
	return cmd
}

// showNode tells all that is known of one node.
func (a *app) showNode(nodes []client.Node, name string) error {
	i := slices.IndexFunc(nodes, func(n client.Node) bool { return n.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no node %s in the federation (starling nodes lists them)", words.Clean(name))
	}
	if a.forPrograms() {
		return a.writeDocument(nodes[i])
	}
	n := nodes[i]
	if err := a.writeTable(availabilityView.table(nodes[i:i+1]), ""); err != nil {
		return err
	}
	if n.Availability == nil {
		return errors.New("it has not said yet what it has")
	}
	a.tellNode(n)
	return nil
}
