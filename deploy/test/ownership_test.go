package systemtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// token issues a development token as an operator would.
func (n *Node) token(user string, roles ...string) string {
	n.t.Helper()
	args := []string{"token", "--user", user, "--data", n.Data}
	if len(roles) > 0 {
		args = append(args, "--roles", strings.Join(roles, ","))
	}
	got := n.starling(args...)
	require.Zero(n.t, got.status, got.err)
	return strings.TrimSpace(got.out)
}

// Promise 8: nobody sees or touches what is not theirs, by any path that takes
// an id; to a stranger, what is another's doesn't exist.
func TestPromise8NobodySeesOrTouchesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	alice, bob := as(n.token("alice")), as(n.token("bob"))
	set := n.ask(work{command: g.program()}, alice)
	id := set.Offers[0].Meta.UUID
	require.Equal(t, 200, n.setPhase(id, "ACCEPTED", alice).Status)
	offered := n.ask(work{command: g.program()}, alice)
	g.began(1)
	n.await(id, "RUNNING")
	ref := n.history(id)[0].HistoryRef
	var account string
	for _, a := range n.accounts() {
		if a.Owner == "user:alice" {
			account = a.ID
		}
	}
	require.NotEmpty(t, account)
	robot := as(n.token("robot", "executor"))
	thief := as(n.token("thief", "executor"))
	a := n.do("POST", "/executors", object{"name": "outside", "kinds": list{"urn:test:kind"}, "capacity": object{"cores": 0, "memory": 0, "storage": 0, "gpus": 0}}, robot)
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var executor struct{ UUID string }
	a.into(t, &executor)
	completion := object{"fence": 1, "key": "k", "time": "2026-11-22T00:00:00Z", "outcome": "COMPLETED"}

	for _, try := range []struct {
		method, path string
		body         any
		who          option
		owner        int // what the owner gets, 0: not tried
	}{
		{"GET", "/offersets/" + set.Meta.UUID, nil, bob, 200},
		{"GET", "/sessions/" + id, nil, bob, 200},
		{"POST", "/sessions/" + id, phaseUpdate("CANCELLED"), bob, 0},
		{"GET", "/sessions/" + offered.Offers[0].Meta.UUID, nil, bob, 200},
		{"POST", "/sessions/" + offered.Offers[0].Meta.UUID, phaseUpdate("ACCEPTED"), bob, 0},
		{"POST", "/sessions/" + offered.Offers[0].Meta.UUID, phaseUpdate("REJECTED"), bob, 0},
		{"GET", "/sessions/" + id + "/stdout", nil, bob, 200},
		{"GET", "/sessions/" + id + "/stderr", nil, bob, 200},
		{"GET", "/sessions/" + id + "/files", nil, bob, 200},
		{"GET", "/sessions/" + id + "/files/stdout", nil, bob, 0},
		{"GET", "/sessions/" + id + "/events", nil, bob, 0},
		{"GET", "/history/" + ref, nil, bob, 200},
		{"GET", "/accounts/" + account + "/entries", nil, bob, 200},
		{"POST", "/history/" + ref + "/updates", object{"fence": 1, "updates": list{}}, bob, 0},
		{"POST", "/history/" + ref + "/completion", completion, bob, 0},
		{"POST", "/history/" + ref + "/updates", object{"fence": 1, "updates": list{}}, thief, 0},
		{"POST", "/history/" + ref + "/completion", completion, thief, 0},
		{"POST", "/executors/" + executor.UUID + "/despatch", nil, bob, 0},
		{"POST", "/executors/" + executor.UUID + "/despatch", nil, thief, 0},
	} {
		a := n.do(try.method, try.path, try.body, try.who)
		assert.Equal(t, 404, a.Status, "%s %s: %s", try.method, try.path, a.Body)
		assert.NotContains(t, string(a.Body), "alice", try.path)
		if try.owner != 0 {
			assert.Equal(t, try.owner, n.do(try.method, try.path, try.body, alice).Status, "%s %s by its owner", try.method, try.path)
		}
		forged := n.do(try.method, try.path, try.body, as("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."))
		assert.Equal(t, 401, forged.Status, "%s %s with a forged token", try.method, try.path)
	}
	for _, path := range []string{"/sessions", "/history", "/accounts", "/executors"} {
		a := n.do("GET", path, nil, bob)
		assert.Equal(t, 200, a.Status, path)
		assert.NotContains(t, string(a.Body), id, path)
		assert.NotContains(t, string(a.Body), "alice", path)
	}
	for _, path := range []string{"/sessions?owner=alice", "/accounts?owner=user:alice", "/statements?owner=user:alice", "/history?user=alice"} {
		a := n.do("GET", path, nil, bob)
		assert.NotContains(t, string(a.Body), id, path)
		assert.NotContains(t, string(a.Body), `"balance"`, path)
	}
	assert.Equal(t, 403, n.do("GET", "/metrics", nil, bob).Status)
	assert.Equal(t, "RUNNING", n.session(id, alice).Phase, "nothing of it was touched")
	assert.Equal(t, "OFFERED", n.session(offered.Offers[0].Meta.UUID, alice).Phase)

	auditor := as(n.token("eve", "auditor"))
	assert.Equal(t, 200, n.do("GET", "/sessions/"+id, nil, auditor).Status)
	assert.Equal(t, 403, n.setPhase(id, "CANCELLED", auditor).Status, "who may read may not change")
	require.Equal(t, 200, n.setPhase(offered.Offers[0].Meta.UUID, "REJECTED", alice).Status)
	g.Open()
	n.ranOnce(id, "COMPLETED")
}
