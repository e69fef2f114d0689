package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	nodeA = `{"name": "a", "url": "http://a", "alive": true, "ageSeconds": 0, "capacity": {"cores": 64, "memory": 256, "gpus": 4}, "free": {"cores": 12, "memory": 48, "gpus": 1},
		"largest": {"cores": 64, "memory": 256}, "queue": 3, "running": 5, "executors": 1,
		"kinds": ["https://www.purl.org/ivoa.net/EB/schema/v1.0/kinds/executable/docker-container.yaml"], "elements": [{"name": "A_STORM", "bandwidth": 2e9}],
		"links": [{"source": "*", "bandwidth": 1e6}, {"source": "B_STORM", "bandwidth": 1e6, "samples": 2}], "rates": [{"type": "urn:cost:monetary", "unit": "EUR", "coreHour": 0.03}],
		"profile": [{"afterSeconds": 0, "free": {"cores": 12}}, {"afterSeconds": 3600, "free": {"cores": 64}}], "maxDurationSeconds": 3600,
		"member": {"name": "a", "state": "alive", "role": "leader", "applied": 7, "self": true}}`
	nodeB = `{"name": "b", "url": "http://b", "alive": %t, "ageSeconds": 12, "capacity": {"cores": 8, "memory": 16}, "free": {"cores": %d, "memory": 16}, "queue": 0, "running": 0,
		"kinds": [], "closed": %t, "member": {"name": "b", "state": %q, "role": "voter", "applied": 5, "lag": 2, "clockSkewSeconds": -3, "trouble": "call b: no route"}}`
	nodeC = `{"name": "c", "url": "", "alive": false, "ageSeconds": 0, "member": {"name": "c", "state": "unknown", "role": "replica"}}`
)

func b(free int, state string, closed bool) string {
	return fmt.Sprintf(nodeB, state == "alive", free, closed, state)
}

// flockNode answers as a node of a federation; who follows is told these events, and is
// then cut off, again and again.
func flockNode(t *testing.T, events ...string) *httptest.Server {
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/event-stream" {
			_, _ = io.WriteString(w, `{"nodes": [`+nodeA+`,`+b(8, "alive", false)+`,`+nodeC+`]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "retry: 2000\n\n: still here\n\n")
		for _, e := range events {
			kind, data, _ := strings.Cut(e, " ")
			_, _ = io.WriteString(w, "event: "+kind+"\ndata: "+strings.ReplaceAll(data, "\n", "")+"\n\n")
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(n.Close)
	return n
}

func TestNodesShowWhatTheyHaveFree(t *testing.T) {
	n := flockNode(t)
	got := starling(t, n.URL, "nodes")
	require.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `NODE  STATE    CORES  MEMORY  GPUS  QUEUE  RUN  ROLE        HEARD
a     alive    12/64  48/256   1/4      3    5  leader        now
b     alive      8/8   16/16            0    0  voter    12 s ago
   call b: no route
   its clock is 3 s behind this node's
c     unknown                                   replica     never
`, got.out)
	got = starling(t, n.URL, "nodes", "--log")
	assert.Regexp(t, `(?m)^b +alive +voter +5 +2 +0 +12 s ago +http://b$`, got.out)
}

func TestAllThatIsKnownOfANodeIsTold(t *testing.T) {
	n := flockNode(t)
	got := starling(t, n.URL, "nodes", "a")
	require.Equal(t, 0, got.status, got.err)
	for _, want := range []string{
		"one session gets at most 64c 256G 0G, for at most 1h", "free      now: 12c 0G 0G\n          in 1h: 64c", "runs docker-container", "A_STORM at 1.9 GiB/s",
		"from elsewhere at 977 KiB/s\n          from B_STORM at 977 KiB/s, learned from 2 transfers", "monetary: 0.03 EUR an hour of a core",
	} {
		assert.Contains(t, got.out, want)
	}
	got = starling(t, n.URL, "nodes", "a", "-o", "json")
	assert.Contains(t, got.out, `"coreHour": 0.03`)
	got = starling(t, n.URL, "nodes", "c")
	assert.Contains(t, got.err, "it has not said yet what it has")
	got = starling(t, n.URL, "nodes", "nobody")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "there is no node nobody in the federation")
}

// watched runs --watch until what it writes has all of these, and returns that.
func watched(t *testing.T, a *app, out *syncBuffer, want []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int)
	go func() { done <- execute(ctx, a, append([]string{"nodes", "--watch"}, args...)) }()
	for _, text := range want {
		require.Eventually(t, func() bool { return strings.Contains(out.String(), text) }, 2*time.Minute, 5*time.Millisecond, text)
	}
	cancel()
	assert.Equal(t, 0, <-done, "to be interrupted is no failure")
	return out.String()
}

func TestWatchingNodesTellsWhatChanges(t *testing.T) {
	events := []string{
		`nodes {"nodes": [` + nodeA + `,` + b(8, "alive", false) + `]}`, `node ` + b(2, "alive", false), `unheard-of {}`, `node ` + b(2, "alive", false),
		`node ` + nodeC, `node ` + b(2, "alive", true), `node ` + b(2, "dead", false), `gone {"name": "c"}`,
	}
	n := flockNode(t, events...)
	a, out, _ := testApp(t, n.URL)
	a.outWidth = 0
	text := watched(t, a, out, []string{"c: not listed any more\n"})
	_, lines, _ := strings.Cut(text, "behind this node's\n")
	assert.Equal(t, "12:00:00  b: cores 2/8\n12:00:00  c: new, unknown\n12:00:00  b: state closed\n12:00:00  b: state dead\n12:00:00  c: not listed any more\n", lines)

	a, out, _ = testApp(t, n.URL)
	text = watched(t, a, out, []string{`{"gone":"c"}` + "\n"}, "-o", "json")
	assert.Regexp(t, `^\{"nodes":\[\{"name":"a".*\n\{"node":\{"name":"b"`, text)

	a, out, _ = testApp(t, n.URL)
	a.outWidth, a.outHeight = 80, 6
	text = watched(t, a, out, []string{"dead", "1 line more than the screen has room for"})
	for line := range strings.SplitSeq(strings.NewReplacer(home, "", clearLine, "", clearRest, "").Replace(text), "\n") {
		assert.LessOrEqual(t, len(line), 80)
	}
	got := starling(t, n.URL, "nodes", "a", "--watch")
	assert.Equal(t, 2, got.status)
	got = starling(t, n.URL, "nodes", "--watch", "-o", "yaml")
	assert.Equal(t, 2, got.status)
}

// A node that is restarted is asked again; what changed meanwhile is told.
func TestWatchingNodesGoesOnWhenTheConnectionBreaks(t *testing.T) {
	var times atomic.Int64
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := times.Add(1)
		if asked == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "event: nodes\ndata: "+strings.ReplaceAll(`{"nodes": [`+nodeA+`,`+b(8-int(asked), "alive", false)+`]}`, "\n", "")+"\n\n")
		_ = http.NewResponseController(w).Flush()
		if asked == 3 {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(n.Close)
	a, out, _ := testApp(t, n.URL)
	a.outWidth = 0
	watched(t, a, out, []string{"7/8", "b: cores 5/8"})
}

func TestWatchingNodesSaysWhyItCannot(t *testing.T) {
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	address := n.URL
	got := starling(t, address, "nodes", "--watch")
	assert.Equal(t, 1, got.status)
	n.Close()
	got = starling(t, address, "nodes", "--watch")
	assert.Equal(t, 1, got.status)
	assert.NotEmpty(t, got.err)
}
