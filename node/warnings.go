package node

import (
	"fmt"
	"time"

	"starling/consensus"
)

// When what waits for the log is more than what a busy node always has.
const (
	tooOld  = time.Minute
	tooMany = 10_000
)

// Warnings says, in words for people, what somebody should look at though the
// node takes work; nothing: all is well.
func (b *Broker) Warnings() []string {
	list := warningsOf(b.options.Record.Status())
	b.failedRules.Range(func(rule, _ any) bool {
		list = append(list, fmt.Sprintf("rule %s of the site's policy could not be evaluated for some requests, which were denied for that", rule))
		return true
	})
	return list
}

func warningsOf(s consensus.Status) (list []string) {
	age := seconds(s.AgeSeconds).Round(time.Second)
	if s.Leader == "" {
		list = append(list, fmt.Sprintf(
			"nobody leads the log of history and accounts that this node can reach: its copy may be %s old, and what happens here waits in the outbox", age))
	}
	oldest := seconds(s.Outbox.OldestSeconds).Round(time.Second)
	if oldest > tooOld || s.Outbox.Depth > tooMany {
		list = append(list, fmt.Sprintf("the outbox grows: %d records wait for the log, the oldest for %s", s.Outbox.Depth, oldest))
	}
	return list
}
