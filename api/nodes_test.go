package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/node/cluster"
	"starling/scheduling"
)

// murmuration is a federation that changes.
type murmuration struct {
	flock
	mu      sync.Mutex
	members []cluster.Member
	known   []digest.Known
}

func newMurmuration(names ...string) *murmuration {
	m := &murmuration{}
	for i, name := range names {
		m.members = append(m.members, cluster.Member{Name: name, URL: "http://" + name, State: cluster.Alive, Role: "voter", Self: i == 0, AgeSeconds: float64(10 * i)})
		m.known = append(m.known, digest.Known{Node: identity.NodeName(name), Self: i == 0, Alive: true, Said: true, Fast: digest.Fast{Queue: 1}})
	}
	return m
}

func (m *murmuration) edit(edit func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit()
}

func (m *murmuration) Members() []cluster.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]cluster.Member{}, m.members...)
}

func (m *murmuration) Known() []digest.Known {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]digest.Known{}, m.known...)
}

// event reads the next event, past what only keeps the connection open.
func event(t *testing.T, in *bufio.Reader) (kind string, data map[string]any) {
	t.Helper()
	for {
		text := block(t, in)
		rest, is := strings.CutPrefix(text, "event: ")
		if !is {
			continue
		}
		kind, rest, _ = strings.Cut(rest, "\ndata: ")
		require.NoError(t, json.Unmarshal([]byte(rest), &data), text)
		return kind, data
	}
}

var followed = map[string]string{"Accept": eventStream}

func TestNodesAreFollowed(t *testing.T) {
	m := newMurmuration("kth", "jpsrc", "srcnet")
	w := newWorld(t, func(o *Options) { o.Federation, o.Limits.Nodes = m, time.Millisecond })
	resp, in := w.stream(w.serve(), "/federation/nodes", followed)
	assert.Equal(t, eventStream, resp.Header.Get("Content-Type"))
	kind, data := event(t, in)
	assert.Equal(t, "nodes", kind)
	require.Len(t, data["nodes"], 3)
	assert.Equal(t, testBase, data["nodes"].([]any)[0].(map[string]any)["url"])

	next := func(wantKind, wantName string) map[string]any {
		t.Helper()
		kind, data := event(t, in)
		assert.Equal(t, wantKind, kind)
		assert.Equal(t, wantName, data["name"])
		return data
	}
	m.edit(func() { m.known[1].Fast.Queue = 7 })
	assert.EqualValues(t, 7, next("node", "jpsrc")["queue"])
	m.edit(func() { m.members[2].State = "dead" })
	assert.Equal(t, false, next("node", "srcnet")["alive"])
	// That time passes is no change; that a node tells the same again is one, since
	// clients count its age on.
	m.edit(func() {
		for i := range m.members {
			m.members[i].SinceSeconds += 3
			m.members[i].AgeSeconds += 3
			m.members[i].Outbox.OldestSeconds += 3
			m.known[i].Fast.Profile = []digest.Point{{}, {After: scheduling.Minute}}
		}
	})
	before := w.looks()
	eventually(t, func() bool { return w.looks() > before+1 })
	m.edit(func() { m.members[1].AgeSeconds = 0 })
	assert.Less(t, next("node", "jpsrc")["ageSeconds"], 1.0)
	m.edit(func() { m.members = m.members[:2] })
	next("gone", "srcnet")
	m.edit(func() {
		m.members = append(m.members, cluster.Member{Name: "new", State: cluster.Alive})
		m.members[0].Applied = 5
	})
	next("node", "kth")
	assert.NotContains(t, next("node", "new"), "capacity", "nobody knows what it has")
}

// looks is how often the board was brought up to date.
func (w *world) looks() uint64 {
	w.server.board.mu.Lock()
	defer w.server.board.mu.Unlock()
	return w.server.board.edition
}

func TestANodeThatIsAloneIsFollowed(t *testing.T) {
	w := newWorld(t)
	_, in := w.stream(w.serve(), "/federation/nodes", followed)
	kind, data := event(t, in)
	assert.Equal(t, "nodes", kind)
	assert.Len(t, data["nodes"], 1)
}

func TestWhoFollowsNodesIsBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Federation, o.Limits.StreamsPerUser, o.Limits.Heartbeat = newMurmuration("kth"), 1, time.Millisecond
	})
	server := w.serve()
	_, in := w.stream(server, "/federation/nodes", followed)
	event(t, in)
	assert.Equal(t, ": still here\n", block(t, in))
	refused, _ := w.stream(server, "/federation/nodes", followed)
	assert.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
	w.server.EndStreams()
	eventually(t, func() bool { return w.server.streams.open() == 0 })
}

// Clients that don't ask for events get the list.
func TestNodesAreAListForThoseWhoDoNotSay(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{"": jsonType, "*/*": jsonType, "text/event-stream, */*;q=0.1": eventStream} {
		resp := w.do(call{method: http.MethodHead, path: "/federation/nodes", header: map[string]string{"Accept": accept}})
		assert.Equal(t, want, resp.Header.Get("Content-Type"), accept)
	}
	assert.Equal(t, http.StatusNotAcceptable, w.do(call{method: http.MethodGet, path: "/federation/nodes", header: map[string]string{"Accept": "text/csv"}}).StatusCode)
}
