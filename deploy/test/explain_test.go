package systemtest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// explanation is what these tests read of one.
type explanation struct {
	Phase, Summary string
	WaitedSeconds  float64
	Chapters       []struct {
		Phase   string
		Seconds float64
		Attempt int
		Reasons []message
	}
	Unknown []message
}

// explain reads why a session waited.
func (n *Node) explain(id string) (told explanation) {
	n.t.Helper()
	a := n.do("GET", "/sessions/"+id+"/explanation", nil)
	require.Equal(n.t, 200, a.Status, "%s", a.Body)
	a.into(n.t, &told)
	return told
}

// reasons are all that a chapter says, of all chapters of a phase.
func (e explanation) reasons(phase string) string {
	var all []string
	for _, c := range e.Chapters {
		for _, m := range c.Reasons {
			if c.Phase == phase {
				all = append(all, m.Message)
			}
		}
	}
	return strings.Join(all, "\n")
}

// Who waits for cores that others have is told so, and for how many, and nothing else of
// them (promise 8); who wants to begin later, that; and nobody else is told anything.
func TestPromise8ExplainSaysWhyASessionWaitsAndNotForWhom(t *testing.T) {
	n := start(t)
	gate := newGate(t)
	first := n.accept(work{command: gate.program(), cores: 8, duration: "PT10M"})
	gate.began(1)
	second := n.accept(work{command: sh("true"), cores: 4})
	later := n.accept(work{command: sh("true"), start: time.Now().UTC().Add(20*time.Hour).Format(time.RFC3339) + "/PT1H"})

	waits := n.explain(second).reasons("WAITING")
	assert.Contains(t, waits, "until then another booking or open offer had too much of cores")
	assert.Contains(t, waits, "as things are it begins at ")
	assert.Contains(t, n.explain(later).reasons("WAITING"), "the request, or the price that was offered, lets it begin no earlier")

	eventually(t, "it to have waited for longer than a moment", func() bool { return n.explain(second).WaitedSeconds > 1.5 })
	gate.Open()
	n.await(second, "COMPLETED")
	told := n.explain(second)
	assert.Equal(t, "COMPLETED", told.Phase)
	assert.Contains(t, told.Summary, "had too much of cores")
	assert.Contains(t, told.reasons("WAITING"), "sooner than it was booked: what was before it ended early")
	assert.Contains(t, told.reasons("DESPATCHED"), "attempt 1: process of test has it")
	assert.Contains(t, told.reasons("COMPLETED"), "attempt 1 is charged ")
	said := n.do("GET", "/sessions/"+second+"/explanation", nil)
	assert.NotContains(t, string(said.Body), first)

	token := n.starlingToken()
	require.Zero(t, token.status, token.err)
	assert.Equal(t, 404, n.do("GET", "/sessions/"+second+"/explanation", nil, as(strings.TrimSpace(token.out))).Status, "bob hears nothing")

	n.setPhase(later, "CANCELLED")
	assert.Contains(t, n.explain(later).reasons("CANCELLED"), "cancelled by dev")
	table := n.starling("explain", second)
	assert.Zero(t, table.status, table.err)
	assert.Contains(t, table.out, "another booking or")
	for line := range strings.Lines(table.out) {
		assert.NotContains(t, line, first)
	}
}

// An executor that doesn't come, one whose lease is lost, and a node that was down are
// told of, and so is what became of it in the end.
func TestExplainTellsOfExecutorsThatDontComeAndOfANodeThatWasDown(t *testing.T) {
	n := start(t, "--executors", "", "--set", "sessions.attempts=1")
	register := func() string {
		a := n.do("POST", "/executors", object{"name": "outside", "kinds": list{kindProcess}, "capacity": object{"cores": 2, "memory": 4, "storage": 10, "gpus": 0}})
		require.Less(t, a.Status, 300, "%s", a.Body)
		var e struct{ UUID string }
		a.into(t, &e)
		return e.UUID
	}
	register()
	id := n.accept(work{command: sh("true"), cores: 1})
	eventually(t, "it to be said that nobody asks for it", func() bool {
		told := n.explain(id)
		return strings.Contains(told.reasons("WAITING"), "1 executors can run it, and none has asked for work") && told.WaitedSeconds > 2
	})
	n.Kill()
	time.Sleep(1500 * time.Millisecond) // it must be down for longer than anybody would call a moment
	n.Start()
	executor := register()
	var got struct {
		HistoryRef string
		Fence      int
	}
	a := n.do("POST", "/executors/"+executor+"/despatch?wait=20s", nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	a.into(t, &got)
	waits := n.explain(id).reasons("WAITING")
	assert.Contains(t, waits, "no executor that can run it asked for work")
	assert.Contains(t, waits, "test was down from ")
	a = n.do("POST", "/history/"+got.HistoryRef+"/completion", object{
		"fence": got.Fence, "key": "k", "time": time.Now().UTC().Format(time.RFC3339), "outcome": "FAILED", "failure": object{"code": 660, "message": "cloud", "retry": false},
	})
	require.Equal(t, 200, a.Status, "%s", a.Body)
	n.await(id, "FAILED")
	told := n.explain(id)
	assert.Contains(t, told.reasons("FAILED"), "cloud")
	assert.Contains(t, told.reasons("DESPATCHED"), "attempt 1: outside of test has it")
}
