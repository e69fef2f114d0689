package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/federation/digest"
	"starling/node/cluster"
	"starling/scheduling"
)

// flock is a federation of two, of which the second is dead.
type flock struct {
	asked   string
	err     error
	trouble error
}

func (f *flock) Trouble() error { return f.trouble }

func (f *flock) Members() []cluster.Member {
	return []cluster.Member{
		{Name: "jpsrc", URL: "https://jp.example", State: "dead", Role: "voter", AgeSeconds: 60, Applied: 3, Lag: 4, ClockSkewSeconds: -3, Gossip: "192.0.2.1:1", Raft: "192.0.2.1:2", Server: "jpsrc.1", Version: "1", Trouble: "call jpsrc: no route"},
		{Name: "kth", URL: "https://elsewhere.example", State: cluster.Alive, Role: "leader", Applied: 7, Self: true},
	}
}

func (f *flock) Known() []digest.Known {
	return []digest.Known{
		{Node: "kth", Self: true, Alive: true, Said: true, Fast: digest.Fast{Queue: 9}},
		{Node: "jpsrc", Said: true, Fast: digest.Fast{Queue: 3, Capacity: scheduling.Resources{Cores: 4}}, Slow: &digest.Slow{
			Kinds: []string{"urn:kind"}, Schemes: []string{"https"}, MaxDuration: 60, ComputePerformance: 2,
			Elements: []digest.Element{{Name: "JPSRC_STORM", Bandwidth: 2e9}}, Links: []digest.Link{{Source: "KTH_STORM", Bandwidth: 1e9, Samples: 3}},
			Rates: []digest.Rate{{Type: "urn:ivoa:cost:monetary", Unit: "EUR", CoreHour: 0.03}},
		}},
	}
}

func (f *flock) Leave(_ context.Context, unfinished int, force bool) error {
	f.asked = fmt.Sprint("leave ", unfinished, " ", force)
	return f.err
}

func (f *flock) Expel(_ context.Context, node string) error {
	f.asked = "expel " + node
	return f.err
}

var revoked = accounting.RevokeCertificate{Fingerprint: accounting.Fingerprint(strings.Repeat("ab", 32)), Node: "jpsrc", Reason: "stolen", By: "olga", Time: 1_795_003_200_000}

func (f *flock) Revocations() []accounting.RevokeCertificate {
	return []accounting.RevokeCertificate{revoked}
}

func (f *flock) Revoke(ctx context.Context, r cluster.Revocation, by string, record func(context.Context, accounting.RevokeCertificate) error) (cluster.Exclusion, error) {
	f.asked = fmt.Sprint("revoke ", r.Node, " ", r.Fingerprint, " ", r.Reason, " by ", by)
	if f.err != nil {
		return cluster.Exclusion{}, f.err
	}
	return cluster.Exclusion{Revocations: []accounting.RevokeCertificate{revoked}, Removed: true, Messages: []string{"exchange the key"}}, record(ctx, revoked)
}

func inFlock(f *flock) func(*Options) { return func(o *Options) { o.Federation = f } }

func operator(o *Options) { o.Authenticator = names{dev: true} }

func TestNodesTellWhatGossipAndTheLogSay(t *testing.T) {
	w := newWorld(t, inFlock(&flock{}))
	var list struct{ Nodes []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(text(t, w.get("/federation/nodes"))), &list))
	require.Len(t, list.Nodes, 2)
	away, own := list.Nodes[0], list.Nodes[1]
	assert.Equal(t, false, away["alive"])
	assert.Equal(t, "https://jp.example", away["url"])
	assert.EqualValues(t, 3, away["queue"])
	assert.Equal(t, []any{"urn:kind"}, away["kinds"])
	assert.Contains(t, fmt.Sprint(away["rates"]), "coreHour:0.03")
	assert.Contains(t, fmt.Sprint(away["elements"]), "JPSRC_STORM")
	assert.Equal(t, true, own["alive"])
	assert.Equal(t, testBase, own["url"], "as its clients reach it")
	assert.Equal(t, map[string]any{"cores": 8.0, "memory": 0.0, "storage": 0.0, "gpus": 0.0}, own["free"], "as it is, not as it was told")
	assert.EqualValues(t, 0, own["queue"])
}

func TestOnlyOperatorsChangeWhoIsInTheFederation(t *testing.T) {
	f := &flock{}
	w := newWorld(t, inFlock(f))
	assert.Equal(t, http.StatusForbidden, w.post("/federation/leave", "").StatusCode)
	assert.Equal(t, http.StatusForbidden, w.do(call{method: http.MethodDelete, path: "/federation/nodes/jpsrc"}).StatusCode)
	assert.Equal(t, http.StatusForbidden, w.post("/federation/revocations", `{"node": "jpsrc"}`).StatusCode)
	assert.Equal(t, http.StatusForbidden, w.get("/federation/revocations").StatusCode)
	assert.Empty(t, f.asked)
}

func TestAnOperatorRevokesACertificate(t *testing.T) {
	f := &flock{}
	w := newWorld(t, inFlock(f), operator)
	send := func(body string) *http.Response {
		return w.do(call{method: http.MethodPost, path: "/federation/revocations", body: body, stranger: true, header: map[string]string{"Content-Type": "application/json"}})
	}
	answer := send(`{"node": "jpsrc", "fingerprint": "ff", "reason": "stolen"}`)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, true, object(t, answer)["removed"])
	assert.Equal(t, "revoke jpsrc ff stolen by dev", f.asked)
	assert.Equal(t, revoked, w.broker.order)
	for _, bad := range []string{`{}`, `{"node": "No_Name"}`, `{"node": "jpsrc", "pardon": true}`, `[]`} {
		assert.Equal(t, http.StatusBadRequest, send(bad).StatusCode, bad)
	}
	f.err = fmt.Errorf("%w: that is kth itself", cluster.ErrRefused)
	wantProblem(t, send(`{"node": "kth"}`), http.StatusConflict)
	list := object(t, w.do(call{method: http.MethodGet, path: "/federation/revocations", stranger: true}))
	assert.Len(t, list["revocations"], 1)
}

func TestANodeLeavesAndAnotherIsTakenOut(t *testing.T) {
	f := &flock{}
	w := newWorld(t, inFlock(f), operator)
	w.broker.unfinished = 2
	leave := call{method: http.MethodPost, path: "/federation/leave", stranger: true}
	assert.Equal(t, http.StatusNoContent, w.do(leave).StatusCode)
	assert.Equal(t, "leave 2 false", f.asked)
	expel := call{method: http.MethodDelete, path: "/federation/nodes/jpsrc", stranger: true}
	assert.Equal(t, http.StatusNoContent, w.do(expel).StatusCode)
	assert.Equal(t, "expel jpsrc", f.asked)
	assert.Equal(t, []string{"leave node:kth", "expel node:jpsrc"}, w.broker.permitted, "each is on record")
	assert.Equal(t, http.StatusBadRequest, w.do(call{method: http.MethodDelete, path: "/federation/nodes/No_Name", stranger: true}).StatusCode)
	assert.Equal(t, http.StatusBadRequest, w.do(call{method: http.MethodPost, path: "/federation/leave?force=maybe", stranger: true}).StatusCode)
	for _, tt := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("%w: 2 sessions have not ended", cluster.ErrRefused), http.StatusConflict},
		{fmt.Errorf("%w: nobody", cluster.ErrUnknown), http.StatusNotFound},
		{errors.New("no leader"), http.StatusServiceUnavailable},
	} {
		f.err = tt.err
		answer := w.do(leave)
		assert.Equal(t, tt.status, answer.StatusCode)
		assert.Contains(t, text(t, answer), tt.err.Error())
	}
}

func TestANodeThatIsKeptOutTakesWorkAndSaysSo(t *testing.T) {
	w := newWorld(t, inFlock(&flock{trouble: errors.New("the name kth is taken")}))
	answer := w.get("/readyz")
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Contains(t, text(t, answer), "the name kth is taken")
}

func TestANodeThatIsAloneHasNothingToLeave(t *testing.T) {
	w := newWorld(t, operator)
	answer := w.do(call{method: http.MethodPost, path: "/federation/leave", stranger: true})
	assert.Equal(t, http.StatusConflict, answer.StatusCode)
	assert.Contains(t, text(t, answer), "--gossip")
}
