package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
	"starling/node/cluster"
)

func newNodeKeys(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "Show which gossip keys each node has, to exchange them",
		Long: `Show which gossip keys each node has, by digests of them. Nodes read the file of
keys again when it changes. To exchange the key without losing anybody, take each
step at all nodes before the next:

  1. starling keygen gossip --out new.keys; add the new key at the end of every
     node's file;
  2. when all have it, move it to the front, where it encrypts;
  3. when all use it, take the old one out.

What is below the table counts them.`,
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
			t := table.New(table.Column{Name: "node"}, table.Column{Name: "state"}, table.Column{Name: "encrypts with"}, table.Column{Name: "reads also", Flexible: true})
			for _, n := range list.Nodes {
				if n.Member == nil {
					t.Add(n.Name, "alive", "", "")
					continue
				}
				uses, also := "", ""
				if keys := n.Member.GossipKeys; len(keys) > 0 {
					uses, also = keys[0], strings.Join(keys[1:], ", ")
				}
				t.Add(n.Name, n.Member.State, uses, also)
			}
			if err := a.writeTable(t, "no node is known"); err != nil {
				return err
			}
			for _, line := range keyCounts(list.Nodes) {
				say(a.out, "%s", line)
			}
			return nil
		},
	}
}

// keyCounts says of each key how many nodes have and use it. Those who are away will
// have what is in their files when they are back.
func keyCounts(nodes []client.Node) (lines []string) {
	var keys []string
	has, uses, all := map[string]int{}, map[string]int{}, 0
	for _, n := range nodes {
		if n.Member == nil || n.Member.State != cluster.Alive {
			continue
		}
		all++
		for i, key := range n.Member.GossipKeys {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			has[key]++
			if i == 0 {
				uses[key]++
			}
		}
	}
	for _, key := range keys {
		lines = append(lines, fmt.Sprintf("%s: %d of %d living nodes have it, %d encrypt with it", words.Clean(key), has[key], all, uses[key]))
	}
	return lines
}
