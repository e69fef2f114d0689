package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node"
)

// builtIn is the caller that cmd gives the executors inside the node.
var builtIn = identity.Caller{User: "kth", Roles: []identity.Role{identity.RoleExecutor, identity.RoleBuiltIn}}

// The protocol's own client, over the way that needs no port.
func TestTheDespatchProtocolRunsInProcess(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	client := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: w.server.Local(builtIn)}}

	registered, err := client.Register(ctx, despatch.Registration{Name: "lt-1", Kinds: []string{"a"}})
	require.NoError(t, err)
	assert.Equal(t, workerID.String(), registered.UUID)
	assert.True(t, w.broker.caller.Has(identity.RoleBuiltIn))

	work, _, err := client.Despatch(ctx, registered.UUID, 1500*time.Millisecond)
	require.NoError(t, err)
	assert.EqualValues(t, 7, work.Fence)
	assert.Equal(t, testBase+on(""), work.Session.URL)
	assert.Equal(t, 1500*time.Millisecond, w.broker.wait)

	answer, err := client.Update(ctx, work.HistoryRef, despatch.Updates{Fence: 7, Updates: []despatch.Update{{Key: "k1", Type: despatch.Heartbeat, Time: noonUTC}}}, time.Second)
	require.NoError(t, err)
	assert.Equal(t, 1, answer.Accepted)
	assert.Equal(t, despatch.StopCancelled, answer.Stop.Reason)

	code := 0
	require.NoError(t, client.Complete(ctx, work.HistoryRef, despatch.Completion{Fence: 7, Key: "k9", Outcome: despatch.Completed, ExitCode: &code,
		Resources: []despatch.Resource{{Name: "total-time", Amount: "612.5", Unit: "s"}}}))
	assert.Equal(t, despatch.Decimal("612.5"), w.broker.done.Resources[0].Amount)

	w.broker.idle = true
	work, reasons, err := client.Despatch(ctx, registered.UUID, 0)
	require.NoError(t, err)
	assert.Nil(t, work)
	assert.Equal(t, despatch.Reasons{despatch.ReasonNotYet: 3, despatch.ReasonTooLarge: 1}, reasons)
}

// A file is sent in pieces, under the name that it is listed by, however odd.
func TestAFileIsSentToWhereItBelongs(t *testing.T) {
	w := newWorld(t)
	client := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: w.server.Local(builtIn)}}
	for _, name := range []string{"a", "out put/100%.fits", "ä?#&/b+c"} {
		piece := despatch.Piece{Name: name, Role: despatch.RoleOutput, Offset: 3, Bytes: 9, SHA256: strings.Repeat("0a", 32)}
		received, err := client.Send(context.Background(), attemptID.String(), 7, piece, strings.NewReader("text"), 4)
		require.NoError(t, err)
		assert.EqualValues(t, 7, received.Bytes)
		assert.Equal(t, piece, w.broker.piece)
		assert.EqualValues(t, 7, w.broker.fence)
		assert.Equal(t, "text", w.broker.sent)
	}
	path := "/history/" + attemptID.String() + "/files/"
	for _, bad := range []string{"", "../x", "a?fence=x", "a?fence=-1", "a?offset=1e3", "a?size=3", "a?role=%00"} {
		assert.Equal(t, http.StatusBadRequest, w.do(call{method: http.MethodPut, path: path + bad, body: "text"}).StatusCode, bad)
	}
}

func TestRegisteringIs201OnceThen200(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, http.StatusCreated, w.post("/executors", `{"name":"lt-1"}`).StatusCode)
	assert.Equal(t, http.StatusOK, w.post("/executors", `{"name":"lt-1"}`).StatusCode)
}

func TestRefusalsReachTheProtocolsClient(t *testing.T) {
	w := newWorld(t)
	w.broker.err = &node.Problem{Code: node.CodeConflict, Detail: "the fence is 8"}
	client := despatch.Client{Base: "http://local", HTTP: &http.Client{Transport: w.server.Local(builtIn)}}
	_, err := client.Update(context.Background(), attemptID.String(), despatch.Updates{}, 0)
	var problem *despatch.Problem
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, http.StatusConflict, problem.Status)
	assert.True(t, problem.Refused())
	assert.Equal(t, "the fence is 8", problem.Detail)
}

func TestWaitsAreBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Wait = 2 * time.Second })
	for wait, want := range map[string]time.Duration{"": 0, "0": 0, "1500ms": 1500 * time.Millisecond, "1": time.Second, "9h": 2 * time.Second} {
		w.post("/executors/"+workerID.String()+"/despatch?wait="+wait, "")
		assert.Equal(t, want, w.broker.wait, wait)
	}
}

// A poll that waits ends when its client leaves, and when the server stops.
func TestPollsEndWithTheirClientAndWithTheServer(t *testing.T) {
	w := newWorld(t)
	transport := w.server.Local(builtIn)
	poll := func(ctx context.Context) <-chan error {
		done := make(chan error, 1)
		w.change(func(f *fake) { f.waiting = make(chan struct{}) })
		waiting := w.broker.waiting
		go func() {
			_, _, err := (&despatch.Client{Base: "http://x", HTTP: &http.Client{Transport: transport}}).Despatch(ctx, workerID.String(), 30*time.Second)
			done <- err
		}()
		<-waiting
		return done
	}
	ctx, cancel := context.WithCancel(context.Background())
	left := poll(ctx)
	cancel()
	assert.ErrorIs(t, <-left, context.Canceled)

	stopped := poll(context.Background())
	w.server.EndStreams()
	var problem *despatch.Problem
	require.ErrorAs(t, <-stopped, &problem)
	assert.Equal(t, http.StatusServiceUnavailable, problem.Status)
	assert.False(t, problem.Refused(), "so the executor tries again")
}

// Also where it has sent a body that nobody asked for.
func TestAPollEndsWhenItsConnectionBreaks(t *testing.T) {
	w := newWorld(t)
	w.broker.waiting = make(chan struct{})
	waiting := w.broker.waiting
	server := w.serve()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/executors/"+workerID.String()+"/despatch?wait=30s", strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer alice")
	gone := make(chan error, 1)
	go func() {
		_, err := server.Client().Do(r)
		gone <- err
	}()
	<-waiting
	cancel()
	assert.ErrorIs(t, <-gone, context.Canceled)
	eventually(t, func() bool { return gauge(t, w) == 0 })
}

func TestALongPollOutlivesTheTimeouts(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	slow := &slowDespatch{fake: w.broker, release: release}
	w.server.Broker = slow
	server := httptest.NewUnstartedServer(w.server)
	server.Config.WriteTimeout, server.Config.ReadTimeout = 20*time.Millisecond, 20*time.Millisecond
	server.Start()
	defer server.Close()
	time.AfterFunc(80*time.Millisecond, func() { close(release) }) // longer than the timeouts
	resp, _ := w.streamPost(server, "/executors/"+workerID.String()+"/despatch?wait=30s")
	assert.Equal(t, http.StatusNoContent, resp.StatusCode)
}

// slowDespatch answers when it is released.
type slowDespatch struct {
	*fake
	release chan struct{}
}

func (s *slowDespatch) Despatch(ctx context.Context, _ identity.Caller, _ identity.UUID, _ time.Duration) (*despatch.Despatch, despatch.Reasons, error) {
	select {
	case <-s.release:
		return nil, nil, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (w *world) streamPost(server *httptest.Server, path string) (*http.Response, error) {
	w.Helper()
	r, err := http.NewRequest(http.MethodPost, server.URL+path, nil)
	require.NoError(w, err)
	r.Header.Set("Authorization", "Bearer alice")
	resp, err := server.Client().Do(r)
	require.NoError(w, err)
	resp.Body.Close()
	return resp, nil
}

func TestLocalRequestsReachTheWholeAPI(t *testing.T) {
	w := newWorld(t)
	client := &http.Client{Transport: w.server.Local(identity.Caller{User: "kth", Roles: []identity.Role{identity.RoleOperator}})}
	resp, err := client.Get("http://anything/metrics")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	resp.Body.Close()

	w.broker.throw = "a fault"
	resp, err = client.Get("http://anything/sessions")
	require.NoError(t, err)
	wantProblem(t, resp, http.StatusInternalServerError)
}

func TestSessionListsPassTheirFilters(t *testing.T) {
	w := newWorld(t)
	w.broker.next = "c2/+="
	list := object(t, w.get("/sessions?phase=running,WAITING&phase=FAILED&owner=bob&name=n&since=2026-11-22T13:00:00%2B01:00&until=2026-11-23T00:00:00Z&limit=5000&cursor=c1"))
	assert.Equal(t, node.SessionFilter{
		Phases: []ivoa.SessionPhase{ivoa.SessionRunning, ivoa.SessionWaiting, ivoa.SessionFailed},
		Owner:  "bob", Name: "n", Since: noonUTC, Until: noonUTC.Add(12 * time.Hour),
	}, w.broker.filter)
	assert.Equal(t, "c1", w.broker.cursor)
	assert.Equal(t, 1000, w.broker.limit)

	assert.NotContains(t, list, "messages")

	next := list["next"].(string)
	assert.Regexp(t, "^/sessions\\?", next)
	filter := w.broker.filter
	w.broker.next = ""
	last := object(t, w.get(next))
	assert.Equal(t, filter, w.broker.filter, "the next page has the same filters")
	assert.Equal(t, "c2/+=", w.broker.cursor)
	assert.NotContains(t, last, "next")

	w.broker.missing = []ivoa.Message{ivoa.NewMessage(noonUTC, ivoa.LevelWarn, "urn:x", "{site} is away", "site", "b")}
	missing := object(t, w.get("/sessions?here=true"))["messages"].([]any)
	assert.Equal(t, "b is away", missing[0].(map[string]any)["message"])
	assert.Equal(t, node.SessionFilter{Here: true}, w.broker.filter)
	resp := w.do(call{path: "/sessions", header: map[string]string{"Accept": "application/xml"}})
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(text), "b is away")
}

func TestRecordListsPassTheirFilters(t *testing.T) {
	w := newWorld(t)
	w.get("/history?phase=failed&user=bob&session=" + sessionID.String() + "&since=2026-11-22T12:00:00Z&limit=7")
	assert.Equal(t, accounting.HistoryFilter{
		User: "bob", Phase: accounting.Failed, Session: accounting.SessionID(sessionID.String()), Since: accounting.At(noonUTC),
	}, w.broker.history)
	assert.Equal(t, 7, w.broker.limit)
}

func TestStatementIsTheCallersOwnForThisSemester(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return noonUTC } })
	w.get("/statements")
	assert.Equal(t, accounting.StatementFilter{Owner: accounting.User("alice"), Period: "2026B"}, w.broker.owner)
	w.get("/statements?owner=proposal:p1&period=2025A")
	assert.Equal(t, accounting.StatementFilter{Owner: accounting.Proposal("p1"), Period: "2025A"}, w.broker.owner)
	w.get("/statements?owner=bob")
	assert.Equal(t, accounting.User("bob"), w.broker.owner.Owner)
	w.broker.next = "c2"
	assert.Equal(t, "/statements?cursor=c2&owner=bob", object(t, w.get("/statements?owner=bob"))["next"])
}
