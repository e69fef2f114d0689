package flock

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request's trace is the same at whatever node it comes to: that of an accept at one
// node, of an offer of a second, is found in history and audit trail at a third; and
// who has it opens nothing with it.
func TestATraceGoesThroughAllNodes(t *testing.T) {
	const (
		asking    = "4bf92f3577b34da6a3ce929d0e0e4736"
		accepting = "0af7651916cd43dd8448eb211c80319c"
	)
	f := newFlock(t, 3, nil)
	a, b := f.nodes[0], f.nodes[1]
	asked := a.do(alice, "POST", "/requests", work{}.request(), "Traceparent", "00-"+asking+"-00f067aa0ba902b7-01")
	require.Equal(t, http.StatusSeeOther, asked.status)
	assert.Equal(t, asking, asked.header.Get("Starling-Trace"))
	var set offerSet
	asked.into(t, &set)
	id := set.from("c")[0].id()
	accepted := a.do(alice, "POST", "/sessions/"+id, phaseUpdate("ACCEPTED"), "Traceparent", "00-"+accepting+"-00f067aa0ba902b7-00")
	require.Equal(t, http.StatusOK, accepted.status)
	assert.Equal(t, []string{accepting}, accepted.header["Starling-Trace"])
	f.await(b, alice, id, "COMPLETED")
	type traced struct{ Session, Object, Node, Trace string }
	eventually(t, "the record at b has it", func() bool {
		history, err := tryAll[traced](b, alice, "/history?trace="+accepting, "history")
		return err == nil && len(history) == 1 && history[0].Session == id && history[0].Trace == accepting
	})
	eventually(t, "the audit trail at b has it", func() bool {
		trail, err := tryAll[traced](b, operator, "/audit?trace="+accepting, "audit")
		return err == nil && len(trail) == 1 && trail[0].Object == "session:"+id && trail[0].Node == "c"
	})
	others, err := tryAll[traced](b, bob, "/history?trace="+accepting, "history")
	require.NoError(t, err)
	assert.Empty(t, others)
}
