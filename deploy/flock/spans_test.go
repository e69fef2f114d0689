package flock

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/tracing/otlp/otlptest"
	"starling/node/config"
)

// tree is the spans of one trace, each as its own and its parents' names.
type tree []otlptest.Span

// paths are the ways from the root to each span: "a GET / > b GET /".
func (t tree) paths() (list []string) {
	byID := map[string]otlptest.Span{}
	for _, s := range t {
		byID[s.ID] = s
	}
	for _, s := range t {
		path := s.Instance + " " + s.Name
		for above := s; above.Parent != ""; {
			next, is := byID[above.Parent]
			if !is {
				path = "? > " + path
				break
			}
			above, path = next, next.Instance+" "+next.Name+" > "+path
		}
		list = append(list, path)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// becomes waits for a trace to be this tree.
func becomes(t *testing.T, c *otlptest.Collector, trace string, want ...string) tree {
	t.Helper()
	slices.Sort(want)
	var got []string
	for until := time.Now().Add(patience / 2); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if got = tree(c.Of(trace)).paths(); slices.Equal(got, want) {
			return c.Of(trace)
		}
	}
	assert.Equal(t, want, got)
	t.FailNow()
	return nil
}

// A request is one tree of spans, whatever nodes it goes through and however much later
// its session runs: so that who looks at it sees where the time went.
func TestARequestIsOneTreeOfSpans(t *testing.T) {
	const (
		asking    = "4bf92f3577b34da6a3ce929d0e0e4736"
		accepting = "0af7651916cd43dd8448eb211c80319c"
	)
	collector := otlptest.NewCollector(t)
	secret := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(secret, []byte("Authorization: Bearer swordfish\n"), 0o600))
	f := newFlock(t, 3, func(_ int, c *config.Config) {
		c.Tracing = config.Tracing{Endpoint: collector.URL, HeadersFile: secret, Sample: 1}
		c.Placement.Deadline = patience // all are to answer, however slow the machine is
	})
	a, b := f.nodes[0], f.nodes[1]
	asked := a.do(alice, "POST", "/requests", work{}.request(), "Traceparent", "00-"+asking+"-00f067aa0ba902b7-00")
	require.Equal(t, http.StatusSeeOther, asked.status)
	var set offerSet
	asked.into(t, &set)
	const (
		root   = "a POST /requests"
		others = root + " > a ask others"
		there  = others + " > a POST /requests > %s POST /requests"
	)
	want := []string{root, root + " > a read request", root + " > a make offers", root + " > a commit", others, others + " > a POST /requests"}
	for _, n := range []string{"b", "c"} {
		at := fmt.Sprintf(there, n)
		want = append(want, at, at+" > "+n+" read request", at+" > "+n+" make offers", at+" > "+n+" commit")
	}
	spans := becomes(t, collector, asking, want...)
	for _, s := range spans {
		assert.False(t, s.Failed, s.Name)
		if s.Name == "ask others" {
			assert.Equal(t, "2", s.Facts["starling.asked"])
		}
		if s.Kind == "SPAN_KIND_SERVER" && s.Instance != "a" {
			assert.Equal(t, "a", s.Facts["starling.peer"])
			assert.Equal(t, "303", s.Facts["http.response.status_code"])
		}
	}

	id := set.from("c")[0].id()
	accepted := b.do(alice, "POST", "/sessions/"+id, phaseUpdate("ACCEPTED"), "Traceparent", "00-"+accepting+"-00f067aa0ba902b7-00")
	require.Equal(t, http.StatusOK, accepted.status)
	f.await(a, alice, id, "COMPLETED")
	const (
		passed   = "b POST /sessions/:uuid"
		owner    = passed + " > b POST /sessions/:uuid > c POST /sessions/:uuid"
		despatch = owner + " > c despatch"
		attempt  = despatch + " > c attempt"
		report   = attempt + " > c POST /history/:ref/completion"
	)
	spans = becomes(t, collector, accepting,
		passed, passed+" > b POST /sessions/:uuid", owner, owner+" > c commit", owner+" > c tell",
		despatch, despatch+" > c commit", attempt, attempt+" > c run", attempt+" > c save", attempt+" > c release", report, report+" > c commit")
	for _, s := range spans {
		switch s.Name {
		case "POST /sessions/:uuid", "despatch", "attempt":
			if s.Kind != "SPAN_KIND_CLIENT" {
				assert.Equal(t, id, s.Facts["starling.session"], s.Name)
			}
		case "tell":
			assert.Equal(t, "a", s.Facts["starling.peer"])
		}
		if s.Name == "attempt" {
			assert.Equal(t, "COMPLETED", s.Facts["starling.outcome"])
			assert.Equal(t, "1", s.Facts["starling.try"])
		}
	}

	// What a strong read waits for is seen, too.
	const reading = "b7ad6b7169203331b7ad6b7169203331"
	read := b.do(operator, "GET", "/history?consistency=strong", nil, "Traceparent", "00-"+reading+"-00f067aa0ba902b7-00")
	require.Equal(t, http.StatusOK, read.status)
	becomes(t, collector, reading, "b GET /history", "b GET /history > b wait for the record", "b GET /history > b ask the leader")

	// Promise 8: who reads spans learns nothing of who asks for what.
	for _, s := range collector.Spans() {
		text := strings.ToLower(fmt.Sprint(s))
		for _, private := range []string{"alice", "swordfish", "bearer", a.token(alice)} {
			assert.NotContains(t, text, strings.ToLower(private))
		}
	}
	for _, r := range collector.Requests() {
		assert.Equal(t, "Bearer swordfish", r.Header.Get("Authorization"))
	}
}

// A node that isn't told to send spans makes none, and passes on those of others.
func TestSpansAreOffByDefault(t *testing.T) {
	collector := otlptest.NewCollector(t)
	f := newFlock(t, 2, func(i int, c *config.Config) {
		if i == 1 {
			c.Tracing.Endpoint = collector.URL
		}
	})
	const asking = "4bf92f3577b34da6a3ce929d0e0e4736"
	asked := f.nodes[0].do(alice, "POST", "/requests", work{}.request(), "Traceparent", "00-"+asking+"-00f067aa0ba902b7-01")
	require.Equal(t, http.StatusSeeOther, asked.status)
	const at = "b POST /requests"
	becomes(t, collector, asking, at, at+" > b read request", at+" > b make offers", at+" > b commit")
	for _, s := range collector.Spans() {
		assert.Equal(t, "b", s.Instance)
	}
}

// The collector is nobody's to wait for: users of nodes whose collector is dead, slow
// or broken are answered as ever, and the nodes stop in time.
func TestABadCollectorIsNobodysTrouble(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"dead":   nil,
		"slow":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"broken": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			collector := otlptest.NewCollector(t)
			collector.Answer(answer)
			if answer == nil {
				collector.Close()
			}
			f := newFlock(t, 2, func(_ int, c *config.Config) { c.Tracing.Endpoint = collector.URL })
			a, b := f.nodes[0], f.nodes[1]
			offer := a.ask(alice, work{}).from("b")[0]
			a.accept(alice, offer.id())
			f.await(a, alice, offer.id(), "COMPLETED")
			eventually(t, "it is counted at b", func() bool {
				metrics := string(b.do(operator, "GET", "/metrics", nil).body)
				return name == "slow" || strings.Contains(metrics, "starling_spans_failures_total ") && !strings.Contains(metrics, "starling_spans_failures_total 0\n")
			})
			for _, n := range f.nodes {
				begun := time.Now()
				n.down()
				assert.Less(t, time.Since(begun), time.Minute, n.name)
			}
			assert.Empty(t, collector.Spans())
		})
	}
}
