package systemtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promise 5, as the README tells it: what runs at one node is on record at all.
func TestPromise5EveryNodeTellsTheSameHistory(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	var sessions []string
	for _, n := range f.nodes {
		id := n.accept(work{command: sh("echo here")})
		n.await(id, "COMPLETED")
		sessions = append(sessions, id)
	}
	f.agree(sessions...)
	f.allVote()
	table := f.nodes[1].starling("nodes")
	require.Equal(t, 0, table.status, table.err)
	assert.Regexp(t, `(?m)^a +alive .* leader `, table.out)
	assert.Regexp(t, `(?m)^b +alive .* voter `, table.out)
	for line := range strings.Lines(table.out) {
		assert.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 80, line)
	}
}

// Promise 6: a node without the others works on, and what it records enters the
// record when they are back.
func TestPromise6ANodeAloneWorksOnAndItsRecordsEnterTheRecordLater(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	f.allVote()
	alone := f.nodes[2]
	f.nodes[0].Kill()
	f.nodes[1].Kill()
	var sessions []string
	for range 3 {
		id := alone.accept(work{command: sh("echo alone")})
		alone.await(id, "COMPLETED")
		sessions = append(sessions, id)
	}
	assert.Equal(t, 200, alone.do("GET", "/readyz", nil).Status, "it takes work")
	for _, id := range sessions {
		h := alone.history(id)
		require.Len(t, h, 1, "its own records are shown at once")
		assert.Equal(t, "COMPLETED", h[0].Phase)
	}
	alone.Restart()
	assert.Positive(t, alone.members()["c"].Outbox.Depth)
	f.nodes[0].Start()
	f.nodes[1].Start()
	f.agree(sessions...)
	eventually(t, "nothing to wait", func() bool { return alone.members()["c"].Outbox.Depth == 0 })
}
