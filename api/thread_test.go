package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	someTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	someParent = "00-" + someTrace + "-00f067aa0ba902b7-01"
)

// Whoever begins a trace finds it in the answer, in what is wrong, in the log, and the
// broker has it with the caller.
func TestAnAnswerTellsItsTrace(t *testing.T) {
	w := newWorld(t)
	resp := w.do(call{path: on(""), header: map[string]string{"Traceparent": someParent}})
	assert.Equal(t, someTrace, resp.Header.Get("Starling-Trace"))
	assert.EqualValues(t, someTrace, w.broker.caller.Trace)
	assert.Contains(t, w.log.String(), "trace="+someTrace)

	problem := w.do(call{path: "/nowhere", header: map[string]string{"Traceparent": someParent}})
	assert.Equal(t, someTrace, object(t, problem)["trace"])

	own := w.do(call{path: on(""), header: map[string]string{"Traceparent": "00-no"}}).Header.Get("Starling-Trace")
	assert.Len(t, own, 32)
	assert.NotEqual(t, someTrace, own)
}

func TestTheTraceGoesToTheOwnerAndIsNotTheOwnersToSay(t *testing.T) {
	asked, owner := pair(t)
	resp := asked.do(call{path: on(""), header: map[string]string{"Traceparent": someParent}})
	assert.Equal(t, []string{someTrace}, resp.Header["Starling-Trace"])
	assert.EqualValues(t, someTrace, owner.asked().Trace)
	assert.Contains(t, owner.log.String(), "trace="+someTrace)

	s := newSites(t)
	asked = s.node("jodrell")
	s.listen("kth", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "r")
		w.Header().Set("Starling-Trace", "forged")
	}))
	resp = asked.do(call{path: on(""), header: map[string]string{"Traceparent": someParent}})
	assert.Equal(t, []string{someTrace}, resp.Header["Starling-Trace"])
}
