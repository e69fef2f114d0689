package systemtest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promise 2: kill -9 of the node at any step of a real session's life loses
// nothing that was accepted, and the work is done once, recorded once and
// charged once (promises 3 and 4).
func TestPromise2KilledAtAnyStepNothingIsLostOrDoneTwice(t *testing.T) {
	for _, step := range []struct {
		name  string
		crash func(t *testing.T, n *Node, g *gate) (session string)
	}{
		{"offered", func(t *testing.T, n *Node, g *gate) string {
			id := n.ask(work{command: g.program()}).Offers[0].Meta.UUID
			free := n.free()
			n.Restart()
			assert.Equal(t, free, n.free(), "the offer holds what it held")
			require.Equal(t, 200, n.setPhase(id, "ACCEPTED").Status)
			return id
		}},
		{"accepted", func(t *testing.T, n *Node, g *gate) string {
			id := n.accept(work{command: g.program()})
			n.Restart()
			return id
		}},
		{"accepted at once", func(t *testing.T, n *Node, g *gate) string {
			a := n.do("POST", "/direct", work{command: g.program()}.request())
			require.Equal(t, 303, a.Status, "%s", a.Body)
			var s session
			a.into(t, &s)
			n.Restart()
			return s.Meta.UUID
		}},
		{"waiting for a later start", func(t *testing.T, n *Node, g *gate) string {
			start := time.Now().Add(4 * time.Second).UTC()
			id := n.accept(work{command: g.program(), start: start.Format(time.RFC3339) + "/PT1M"})
			n.await(id, "WAITING")
			n.Restart()
			n.await(id, "WAITING", "PREPARING", "AVAILABLE", "RUNNING")
			g.began(1)
			assert.False(t, time.Now().Before(start.Truncate(time.Second)), "it began before its time")
			return id
		}},
		{"running", func(t *testing.T, n *Node, g *gate) string {
			id := n.accept(work{command: g.program()})
			g.began(1)
			n.await(id, "RUNNING")
			n.Kill()
			assert.Equal(t, 1, g.waiting(), "the program goes on without the node")
			n.Start()
			n.await(id, "RUNNING")
			assert.EqualValues(t, 7, n.free())
			return id
		}},
		{"running, and again", func(t *testing.T, n *Node, g *gate) string {
			id := n.accept(work{command: g.program()})
			g.began(1)
			for range 3 {
				n.Restart()
			}
			n.await(id, "RUNNING")
			return id
		}},
		{"finishing while the node is down", func(t *testing.T, n *Node, g *gate) string {
			id := n.accept(work{command: g.program()})
			g.began(1)
			n.Kill()
			g.Open()
			eventually(t, "the program to end", func() bool { return g.waiting() == 0 && len(processesOf(n.Data)) == 0 })
			n.Start()
			return id
		}},
		{"releasing", func(t *testing.T, n *Node, g *gate) string {
			g.Open()
			program := g.program()
			program[2] += "; truncate -s 384M large" // its checksum takes a while
			id := n.accept(work{command: program})
			n.await(id, "RELEASING")
			n.Restart()
			return id
		}},
		{"completed", func(t *testing.T, n *Node, g *gate) string {
			g.Open()
			id := n.accept(work{command: g.program()})
			n.await(id, "COMPLETED")
			n.Restart()
			return id
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			n, g := start(t), newGate(t)
			id := step.crash(t, n, g)
			g.Open()
			n.ranOnce(id, "COMPLETED")
			assert.Equal(t, 1, g.count("began"), "how often the program began")
			assert.Equal(t, 1, g.count("ended"), "how often the program ended")
			assert.Equal(t, "done\n", n.file(id, "result.txt"))
			n.Restart()
			n.ranOnce(id, "COMPLETED")
		})
	}
}

func TestPromise2KilledWhileDataAreFetchedTheyAreFetchedAgain(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	data := newSlowFile(t, strings.Repeat("0123456789", 100_000))
	g.Open()
	program := g.program()
	program[2] += "; sha256sum < input/data.txt > sum.txt"
	id := n.accept(work{command: program, data: data.URL})
	data.began(1)
	n.await(id, "PREPARING")
	n.Restart()
	n.await(id, "WAITING", "PREPARING")
	data.release()
	a := n.ranOnce(id, "COMPLETED")
	assert.Equal(t, 1, g.count("began"))
	assert.Contains(t, n.file(id, "sum.txt"), data.sum)
	for _, used := range a.Resources {
		if used.Name == "bytes-staged" {
			assert.Equal(t, "1000000", used.Amount, "bytes staged, of one file of a million")
		}
	}
}

// What a cancel has answered is kept too: the work is stopped by the next life.
func TestPromise7KilledRightAfterACancelTheWorkIsStopped(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	id := n.accept(work{command: g.program()})
	g.began(1)
	n.await(id, "RUNNING")
	require.Equal(t, 200, n.setPhase(id, "CANCELLED").Status)
	n.Restart()
	n.await(id, "CANCELLED")
	eventually(t, "the program to be stopped", func() bool { return g.waiting() == 0 })
	a := n.ranOnce(id, "CANCELLED")
	assert.Equal(t, "ABANDONED", a.Phase)
	assert.Zero(t, g.count("ended"))
}

// The shim and the program die too: as when the machine's memory runs out.
func TestPromise2WorkThatDiedWithTheNodeIsDoneAgain(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	id := n.accept(work{command: g.program()})
	g.began(1)
	n.await(id, "RUNNING")
	n.Kill()
	for _, p := range processesOf(n.Data) {
		kill(t, p.pid)
	}
	eventually(t, "everything to be dead", func() bool { return len(processesOf(n.Data)) == 0 })
	g.Open()
	n.Start()
	n.await(id, "COMPLETED")
	n.settled()
	history := n.history(id)
	require.Len(t, history, 2)
	for _, a := range history {
		assert.Contains(t, map[int][]string{1: {"ABANDONED", "FAILED", "STALLED"}, 2: {"COMPLETED"}}[a.Attempt], a.Phase)
	}
	assert.Equal(t, "done\n", n.file(id, "result.txt"))
}
