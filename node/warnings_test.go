package node

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"starling/consensus"
)

func TestAnOutboxThatGrowsIsWarnedOf(t *testing.T) {
	well := consensus.Status{Node: "a", Role: "follower", Leader: "b", AgeSeconds: 0.2, Outbox: consensus.OutboxStatus{Depth: 500, OldestSeconds: 2}}
	assert.Empty(t, warningsOf(well), "a busy node")
	for _, c := range []struct {
		name  string
		worse func(*consensus.Status)
		want  []string
	}{
		{"old", func(s *consensus.Status) { s.Outbox.OldestSeconds = 61 },
			[]string{"the outbox grows: 500 records wait for the log, the oldest for 1m1s"}},
		{"deep", func(s *consensus.Status) { s.Outbox.Depth = 10_001 },
			[]string{"the outbox grows: 10001 records wait for the log, the oldest for 2s"}},
		{"alone", func(s *consensus.Status) { s.Leader, s.AgeSeconds = "", 7.4 },
			[]string{"nobody leads the log of history and accounts that this node can reach: its copy may be 7s old, and what happens here waits in the outbox"}},
	} {
		s := well
		c.worse(&s)
		assert.Equal(t, c.want, warningsOf(s), c.name)
	}
}

// Promise 6: a node without a majority takes work, and says what is the matter.
func TestPromise6ANodeThatIsCutOffIsReadyAndWarns(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(t)
		assert.Empty(t, w.Warnings())
		w.cut(true)
		assert.Empty(t, w.Ready())
		assert.Len(t, w.Warnings(), 1)
	})
}
