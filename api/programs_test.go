package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
)

// roles is an authenticator that takes a bearer token for roles, with commas.
type roles struct{}

func (roles) Authenticate(r *http.Request) (identity.Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return identity.Caller{}, errNobody
	}
	caller := identity.Caller{User: "robot"}
	for role := range strings.SplitSeq(token, ",") {
		caller.Roles = append(caller.Roles, identity.Role(role))
	}
	return caller, nil
}

// Promise 8: an executor's token registers, asks for work and reports; whoever
// takes it from the machine that it lies on can do nothing else with it. Every
// route of the node is tried, those to come included.
func TestPromise8AnExecutorsTokenIsForTheDespatchProtocolOnly(t *testing.T) {
	mine := map[string]bool{
		"GET /": true, "GET /executors": true, "POST /executors": true, "POST /executors/:uuid/despatch": true,
		"POST /history/:ref/updates": true, "POST /history/:ref/completion": true, "PUT /history/:ref/files/*": true,
	}
	w := newWorld(t, func(o *Options) { o.Authenticator = roles{} })
	w.broker.idle = true
	tried := 0
	for _, r := range w.server.routes() {
		if openToAll(r.path) {
			continue
		}
		ask := func(token string) *http.Response {
			w.broker.caller = identity.Caller{}
			return w.do(call{method: r.method, path: template(r.path), header: map[string]string{"Authorization": "Bearer " + token}})
		}
		resp := ask("executor")
		if mine[r.method+" "+r.path] {
			assert.NotEqual(t, http.StatusForbidden, resp.StatusCode, "%s %s", r.method, r.path)
			continue
		}
		tried++
		assert.Equal(t, http.StatusForbidden, resp.StatusCode, "%s %s", r.method, r.path)
		assert.Empty(t, w.broker.caller.User, "%s %s came to the broker", r.method, r.path)
	}
	assert.Greater(t, tried, 25)
	for _, both := range []string{"executor,user", "operator,executor", "user"} {
		resp := w.do(call{path: "/sessions", header: map[string]string{"Authorization": "Bearer " + both}})
		assert.Equal(t, http.StatusOK, resp.StatusCode, "who is something else as well may do that: %s", both)
	}
}

// Promise 8, with a real broker: neither the executors nor the attempts of others
// are there for an executor, whatever it knows of them.
func TestPromise8AnExecutorReportsOnWhatItHoldsTheLeaseOf(t *testing.T) {
	broker := realBroker(t, t.TempDir())
	server, err := New(Options{Broker: broker, Authenticator: crew{}, BaseURL: testBase, Node: "kth", Logger: quiet})
	require.NoError(t, err)
	as := func(name, method, path, body string) *http.Response {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+name)
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, r)
		return recorder.Result()
	}
	const registration = `{"name":"lt-1","kinds":["` + ivoa.KindDockerContainer + `"],"capacity":{"cores":4,"memory":8,"storage":10,"gpus":0}}`
	robots := object(t, as("robot", http.MethodPost, "/executors", registration))["uuid"].(string)
	thiefs := object(t, as("thief", http.MethodPost, "/executors", registration))["uuid"].(string)
	assert.NotEqual(t, robots, thiefs, "a name belongs to who registered it")
	offers := object(t, as("alice", http.MethodPost, "/direct", sampleRequest))
	assert.NotEmpty(t, offers)

	owner, other, executor := "robot", "thief", robots
	work := object(t, as(owner, http.MethodPost, "/executors/"+executor+"/despatch", ""))
	if work["historyRef"] == nil {
		owner, other, executor = "thief", "robot", thiefs
		work = object(t, as(owner, http.MethodPost, "/executors/"+executor+"/despatch", ""))
	}
	ref := "/history/" + work["historyRef"].(string)
	const heartbeat = `{"fence":1,"updates":[{"key":"k","type":"heartbeat","time":"2026-11-23T12:00:00Z"}]}`
	const done = `{"fence":1,"key":"d","time":"2026-11-23T12:00:00Z","outcome":"COMPLETED"}`
	for path, body := range map[string]string{
		"/executors/" + executor + "/despatch": "", ref + "/updates": heartbeat, ref + "/completion": done,
	} {
		assert.Equal(t, http.StatusNotFound, as(other, http.MethodPost, path, body).StatusCode, path)
	}
	assert.NotContains(t, text(t, as(other, http.MethodGet, "/executors", "")), executor)

	stale := strings.NewReplacer(`"fence":1`, `"fence":2`)
	assert.Equal(t, http.StatusConflict, as(owner, http.MethodPost, ref+"/updates", stale.Replace(heartbeat)).StatusCode, "without the fence of the lease")
	assert.Equal(t, http.StatusConflict, as(owner, http.MethodPost, ref+"/completion", stale.Replace(done)).StatusCode)
	assert.Equal(t, http.StatusOK, as(owner, http.MethodPost, ref+"/updates", heartbeat).StatusCode)
	assert.Equal(t, http.StatusOK, as(owner, http.MethodPost, ref+"/completion", done).StatusCode)
	again := strings.Replace(heartbeat, `"k"`, `"k2"`, 1)
	assert.Equal(t, http.StatusConflict, as(owner, http.MethodPost, ref+"/updates", again).StatusCode, "nor when it is over")
}

// crew is an authenticator that knows a user and two executors.
type crew struct{}

func (crew) Authenticate(r *http.Request) (identity.Caller, error) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if name == "alice" {
		return identity.Caller{User: name, Roles: []identity.Role{identity.RoleUser}}, nil
	}
	return identity.Caller{User: name, Roles: []identity.Role{identity.RoleExecutor}}, nil
}

// tokened gives out work whose data need a token.
type tokened struct{ *fake }

func (b tokened) Despatch(ctx context.Context, caller identity.Caller, id identity.UUID, wait time.Duration) (*despatch.Despatch, despatch.Reasons, error) {
	d, reasons, err := b.fake.Despatch(ctx, caller, id, wait)
	d.Sequence[0].Stage.Authorization = &despatch.Authorization{
		Scheme: despatch.SchemeBearer, Token: despatch.NewToken(identity.NewSecret("hunter2")), Expires: noonUTC,
	}
	return d, reasons, err
}
