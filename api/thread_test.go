package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/tracing/otlp"
	"starling/federation/tracing/otlp/otlptest"
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

// What a span tells of a request is what few people wrote: its route, not its path, and
// never the query.
func TestASpanTellsOfARequestWhatIsNobodysSecret(t *testing.T) {
	collector := otlptest.NewCollector(t)
	exporter, err := otlp.Open(otlp.Options{Endpoint: collector.URL, HTTP: &http.Client{Transport: &http.Transport{}}, Sample: 1, Log: quiet})
	require.NoError(t, err)
	defer exporter.Close()
	w := newWorld(t, func(o *Options) { o.Tracer = exporter.Tracer() })
	w.get(on("?secret=hunter2"))
	assert.NotEmpty(t, w.broker.caller.Span, "what comes of it later goes below it")
	w.get("/sessions/hunter2")
	w.do(call{method: "HUNTER2", path: "/hunter2"})
	w.broker.throw = "a mistake"
	w.get(on(""))
	for _, routine := range []string{"/healthz", "/readyz", "/availability", "/metrics"} {
		w.get(routine)
	}
	w.post("/executors/"+sessionID.String()+"/despatch", "")
	exporter.Close()
	var told []string
	for _, s := range collector.Spans() {
		assert.NotEmpty(t, s.Facts["starling.request"])
		told = append(told, fmt.Sprintln(s.Name, s.Failed, s.Facts["http.response.status_code"], s.Facts["starling.session"]))
		assert.NotContains(t, strings.ToLower(fmt.Sprint(s)), "hunter2")
		assert.NotContains(t, fmt.Sprint(s), "alice")
	}
	id := sessionID.String()
	assert.Equal(t, []string{
		"GET /sessions/:uuid false 200 " + id + "\n", "GET /sessions/:uuid false 400 \n", "other none false 404 \n", "GET /sessions/:uuid true 500 " + id + "\n",
	}, told)
}
