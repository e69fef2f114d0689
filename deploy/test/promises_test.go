package systemtest

import "github.com/stretchr/testify/assert"

// hasOnRecordOnce checks promises 2 to 4 of sessions that have been promised to
// somebody, each by a node, and have ended: in one phase, with one attempt that was
// completed or as many as are allowed, and one charge an attempt. The record is
// this node's; the sessions are their own nodes'.
func (n *Node) hasOnRecordOnce(accepted map[string]*Node) {
	n.t.Helper()
	done := map[string]int{}
	last := map[string]int{}
	refs := map[string]bool{}
	history := n.history("")
	for _, a := range history {
		assert.False(n.t, refs[a.HistoryRef], "attempt %s is listed twice", a.HistoryRef)
		refs[a.HistoryRef] = true
		last[a.Session] = max(last[a.Session], a.Attempt)
		if a.Phase == "COMPLETED" {
			done[a.Session]++
		}
	}
	for id, owner := range accepted {
		phases := owner.phases(id)
		assert.Equal(n.t, 1, countFunc(phases, terminal), "%s: %v", id, phases)
		s := owner.session(id)
		if s.Phase == "COMPLETED" {
			assert.Equal(n.t, 1, done[id], "attempts at %s that were completed", id)
			continue
		}
		assert.Equal(n.t, "FAILED", s.Phase, id)
		assert.Equal(n.t, 3, last[id], "%s: it was tried as often as is allowed: %+v", id, s.Meta.Messages)
	}
	charges := map[string]int{}
	for _, a := range n.accounts() {
		if a.Side != "charged" || a.Resource != "monetary" {
			continue
		}
		for _, e := range n.entries(a.ID) {
			charges[e.HistoryRef]++
		}
	}
	for ref, times := range charges {
		assert.Equal(n.t, 1, times, "charges of attempt %s", ref)
		assert.True(n.t, refs[ref], "a charge of an attempt that isn't on record: %s", ref)
	}
	n.t.Logf("%d sessions accepted, %d attempts, %d charged", len(accepted), len(history), len(charges))
}
