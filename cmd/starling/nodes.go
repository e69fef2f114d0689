package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node/cluster"
)

func newNodes(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the nodes of the federation",
		Long: `List the nodes of the federation, as the one that is asked knows them.

STATE is what gossip says: alive, dead, left; revoked of a node whose certificate
was, so that nobody speaks to it; or unknown of one that is in the log but isn't
heard of. ROLE is what the node is to the replicated log:
the leader, a voter, a replica (a copy without a vote), joining, or gone (no member
any more). APPLIED is the last entry that its copy has, LAG how many it lacks,
OUTBOX how many records wait at the node for the log, and HEARD how old that is:
a node without news repeats itself every 15 seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			list, err := c.Nodes(cmd.Context())
			if err != nil {
				return err
			}
			if a.forPrograms() {
				return a.writeDocument(list)
			}
			return a.writeTable(nodeTable(list.Nodes), "")
		},
	}
	cmd.AddCommand(newRemoveNode(a), newNodeKeys(a), newRevokeNode(a), newRevokedNodes(a))
	return cmd
}

func nodeTable(nodes []client.Node) *table.Table {
	t := table.New(
		table.Column{Name: "node"},
		table.Column{Name: "state"},
		table.Column{Name: "role"},
		table.Column{Name: "applied", Right: true},
		table.Column{Name: "lag", Right: true},
		table.Column{Name: "outbox", Right: true},
		table.Column{Name: "heard", Right: true},
		table.Column{Name: "url", Flexible: true},
	)
	for _, n := range nodes {
		if n.Member == nil {
			t.Add(n.Name, "alive", "alone", "", "", "", "", n.URL)
			continue
		}
		m := n.Member
		t.Add(n.Name, m.State, m.Role, number(m.Applied), number(m.Lag), strconv.Itoa(m.Outbox.Depth), heardText(m), n.URL)
		if m.ClockSkewSeconds != 0 {
			t.Below(fmt.Sprintf("its clock is %s", skewText(m.ClockSkewSeconds)))
		}
	}
	return t
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// heardText says how long ago the node said what stands in its row.
func heardText(m *cluster.Member) string {
	if m.State == cluster.Unknown {
		return "never"
	}
	if age := seconds(m.AgeSeconds); age >= time.Second {
		return words.Duration(age.Round(time.Second)) + " ago"
	}
	return "now"
}

func skewText(skew float64) string {
	if skew < 0 {
		return words.Duration(seconds(-skew)) + " behind this node's"
	}
	return words.Duration(seconds(skew)) + " ahead of this node's"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func newRemoveNode(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a node that is gone for good out of the federation",
		Long: `Take a node that is gone for good out of the federation: the others stop
waiting for it and sending to it. What it had not handed to the log is lost with
it, unless it comes back and joins again. One that is alive leaves by itself
(starling leave).`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			remembering, err := c.Expel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s is no member any more\n", words.Clean(args[0]))
			for _, r := range remembering {
				fmt.Fprintf(a.out, "%s goes on listing it: %s\n", words.Clean(r.Node), words.Clean(r.Detail))
			}
			return nil
		},
	}
}
