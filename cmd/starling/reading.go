package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

// tooOld is from when on people are told how old the copy is that they read.
const tooOld = 10 * time.Second

// reading is how a command reads the record.
type reading struct{ consistency string }

func (r *reading) flag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.consistency, "consistency", "",
		"local: the node's own copy, with what it has decided itself (default); strong: all that any node has recorded")
}

// read connects to the node, lets a command read the record, and says on the side
// how old and how certain it is.
func (a *app) read(r *reading, do func(*client.Client) error) error {
	switch r.consistency {
	case "", "local", "strong":
	default:
		return usage("--consistency: %q is neither local nor strong", r.consistency)
	}
	c, err := a.connect()
	if err != nil {
		return err
	}
	c.Consistency = r.consistency
	err = do(c)
	was := c.Read()
	var notes []string
	if was.Age > tooOld {
		notes = append(notes, "the node's copy of the record may be "+words.Duration(was.Age)+" behind the others'")
	}
	if was.Age > tooOld && was.Pending > 0 {
		notes = append(notes, words.Many(was.Pending, "record")+" of its own "+agree(was.Pending)+" pending")
	}
	if len(notes) > 0 {
		fmt.Fprintln(a.err, "note: "+strings.Join(notes, "; "))
	}
	return err
}

func agree(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
