package systemtest

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promise 8: what was made at one node is its owner's at every other, and nobody
// else's.
func TestPromise8ASessionIsItsOwnersAtEveryNode(t *testing.T) {
	t.Parallel()
	f, g := federate(t, 3), newGate(t)
	a, b := f.nodes[0], f.nodes[1]
	f.allKnow()
	alice, bob := as(a.token("alice")), as(b.token("bob"))
	aliceAtB := as(b.token("alice"))
	set := a.ask(work{command: g.program()}, alice)
	id := a.own(set)
	require.Equal(t, 200, a.setPhase(id, "ACCEPTED", alice).Status)
	g.began(1)
	a.await(id, "RUNNING") // its executor tells so a moment later
	ref := ""
	eventually(t, "the attempt to be on record", func() bool {
		if h := b.history(id); len(h) == 1 {
			ref = h[0].HistoryRef
		}
		return ref != ""
	})

	// Tokens are of one node's own issuer, which the others believe in development;
	// the user is the same.
	assert.Equal(t, b.URL+"/sessions/"+id, b.session(id, aliceAtB).Meta.URL, "with URLs of the node that was asked")
	for path, want := range map[string]string{
		"/offersets/" + set.Meta.UUID: b.URL, "/sessions/" + id: b.URL, "/sessions/" + id + "/files": "", "/sessions/" + id + "/stdout": "",
	} {
		at := b.do("GET", path, nil, aliceAtB)
		assert.Equal(t, 200, at.Status, "%s: %s", path, at.Body)
		assert.Equal(t, "1.1 b", at.Header.Get("Via"), path)
		assert.Contains(t, string(at.Body), want)
		assert.NotContains(t, string(at.Body), a.URL, path)
		assert.Equal(t, 404, b.do("GET", path, nil, bob).Status, path)
	}
	for _, try := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/sessions/" + id + "/stderr", nil}, {"GET", "/sessions/" + id + "/files/stdout", nil}, {"GET", "/sessions/" + id + "/events", nil},
		{"POST", "/sessions/" + id, phaseUpdate("CANCELLED")},
		{"POST", "/history/" + ref + "/updates", object{"fence": 1, "updates": list{}}},
		{"POST", "/history/" + ref + "/completion", object{"fence": 1, "key": "k", "time": "2026-11-22T00:00:00Z", "outcome": "COMPLETED"}},
	} {
		no := b.do(try.method, try.path, try.body, bob)
		assert.Equal(t, 404, no.Status, "%s %s: %s", try.method, try.path, no.Body)
		assert.NotContains(t, string(no.Body), "alice", try.path)
		forged := b.do(try.method, try.path, try.body, as("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."))
		assert.Equal(t, 401, forged.Status, "%s with a forged token", try.path)
	}
	assert.Equal(t, "RUNNING", a.session(id, alice).Phase, "nothing of it was touched")

	events := b.follow(id, aliceAtB)
	assert.Equal(t, 200, b.setPhase(id, "CANCELLED", aliceAtB).Status, "its owner cancels it from there")
	for !strings.Contains(events(), "CANCELLED") { // which comes as it happens
	}
	a.await(id, "CANCELLED")
}

// What one node is asked for is another's, files and all, and is told so while that
// one is away.
func TestFilesOfAnotherNodeAreReadThroughThisOne(t *testing.T) {
	t.Parallel()
	f := federate(t, 2)
	a, b := f.nodes[0], f.nodes[1]
	f.allKnow()
	id := a.own(a.ask(work{command: sh("echo words; head -c 3000000 /dev/zero > big")}))
	require.Equal(t, 200, a.setPhase(id, "ACCEPTED").Status)
	a.await(id, "COMPLETED")
	assert.Equal(t, "words\n", string(b.do("GET", "/sessions/"+id+"/stdout", nil).Body))
	assert.Len(t, b.file(id, "big"), 3_000_000)
	part := b.do("GET", "/sessions/"+id+"/files/big", nil, header("Range", "bytes=10-19"))
	assert.Equal(t, 206, part.Status)
	assert.Len(t, part.Body, 10)
	logs := b.starling("logs", id)
	require.Equal(t, 0, logs.status, logs.err)
	assert.Equal(t, "words\n", logs.out)

	a.Kill()
	gone := b.do("GET", "/sessions/"+id, nil)
	assert.Equal(t, 503, gone.Status)
	assert.Contains(t, string(gone.Body), "this belongs to a, which can't be reached from b")
	assert.NotEmpty(t, gone.Header.Get("Retry-After"))
	a.Start()
	eventually(t, "a to be reached again", func() bool { return b.do("GET", "/sessions/"+id, nil).Status == 200 })
}

// allKnow waits until every node can ask every other on somebody's behalf: in
// development they tell each other their keys by gossip.
func (f *federation) allKnow() {
	f.t.Helper()
	ids := map[*Node]string{}
	for _, n := range f.nodes {
		ids[n] = n.own(n.ask(work{command: sh("true")}))
	}
	for _, n := range f.nodes {
		for _, other := range f.nodes {
			eventually(f.t, "nodes to know each other", func() bool { return n.do("GET", "/sessions/"+ids[other], nil).Status == 200 })
		}
	}
	for n, id := range ids {
		require.Equal(f.t, 200, n.setPhase(id, "REJECTED").Status)
	}
}

// own is the best offer that the node itself has made: as the one that put the set
// together, its UUIDs end as the set's does.
func (n *Node) own(set offerSet) string {
	n.t.Helper()
	const tag = 12 // digits
	for _, offer := range set.Offers {
		if id := offer.Meta.UUID; id[len(id)-tag:] == set.Meta.UUID[len(set.Meta.UUID)-tag:] {
			return id
		}
	}
	require.Fail(n.t, "there is no offer of its own")
	return ""
}

// site is which node has made an offer, as it says.
func (s session) site() string {
	for _, m := range s.Meta.Messages {
		if site := m.Values["site"]; site != "" {
			return site
		}
	}
	return ""
}

// follow begins to read a session's events, and returns what gives the next line.
func (n *Node) follow(id string, who option) (next func() string) {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), "GET", n.URL+"/sessions/"+id+"/events", nil)
	require.NoError(n.t, err)
	who(r)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	require.NoError(n.t, err)
	n.t.Cleanup(func() { answer.Body.Close() })
	require.Equal(n.t, 200, answer.StatusCode)
	in := bufio.NewReader(answer.Body)
	return func() string {
		line, err := in.ReadString('\n')
		require.NoError(n.t, err)
		return line
	}
}
