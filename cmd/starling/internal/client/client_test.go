package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/ivoa"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node serves a handler and returns a client of it.
func node(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/", 20*time.Second)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// heard gathers the phases and log lines of a watched session.
func heard(t *testing.T, c *Client) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all []string
	for e, err := range c.Watch(ctx, "s") {
		if err != nil {
			return all, err
		}
		all = append(all, string(e.Phase)+e.Message)
	}
	return all, nil
}

func TestABrokenStreamIsTakenUpWhereItBroke(t *testing.T) {
	var calls atomic.Int32
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		switch calls.Add(1) {
		case 1:
			assert.Empty(t, r.Header.Get("Last-Event-ID"))
			io.WriteString(w, ": hello\nretry: 2000\n\nid: 1\nevent: phase\ndata: {\"seq\":1,\"type\":\"phase\",\"phase\":\"ACCEPTED\"}\n\n")
			io.WriteString(w, "id: 2\nevent: log\ndata: {\"seq\":2,\n") // cut off within an event
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			assert.Equal(t, "1", r.Header.Get("Last-Event-ID"))
			io.WriteString(w, "data: {\"seq\":1,\"type\":\"phase\",\"phase\":\"ACCEPTED\"}\n\n") // told twice
			io.WriteString(w, "data: {\"seq\":2,\"type\":\"log\",\"message\":\"working\"}\n\n")
			io.WriteString(w, "data: {\"seq\":3,\"type\":\"phase\",\"phase\":\"COMPLETED\"}\n\nevent: end\ndata: {}\n\n")
		}
	})
	all, err := heard(t, c)
	require.NoError(t, err)
	assert.Equal(t, []string{"ACCEPTED", "working", "COMPLETED"}, all)
	assert.Equal(t, int32(3), calls.Load())
}

// Nobody sits before a screen on which nothing happens and doesn't know why.
func TestThatTheNodeIsGoneIsSaidOnce(t *testing.T) {
	var calls, said atomic.Int32
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := calls.Add(1); {
		case n == 1:
			io.WriteString(w, "data: {\"seq\":1,\"type\":\"phase\",\"phase\":\"RUNNING\"}\n\n")
		case said.Load() == 0:
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, "data: {\"seq\":2,\"type\":\"phase\",\"phase\":\"COMPLETED\"}\n\n")
		}
	})
	var all []string
	for e, err := range c.Watch(t.Context(), "s") {
		require.NoError(t, err)
		if e.Type == EventMessage {
			said.Add(1)
		}
		all = append(all, cmp.Or(e.Message, string(e.Phase)))
	}
	assert.Equal(t, []string{"RUNNING", "the node doesn't answer; trying again", "COMPLETED"}, all)
}

func TestABrokerWithoutEventsIsAskedNowAndThen(t *testing.T) {
	phases := []string{"ACCEPTED", "ACCEPTED", "RUNNING", "FAILED"}
	var calls atomic.Int32
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"kind":"%s","phase":"%s"}`, ivoa.KindSimpleSession, phases[calls.Add(1)-1])
	})
	all, err := heard(t, c)
	require.NoError(t, err)
	assert.Equal(t, []string{"ACCEPTED", "RUNNING", "FAILED"}, all)
}

func TestWatchingWhatIsNotThereEnds(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"title":"Not Found","detail":"there is no such session"}`)
	})
	_, err := heard(t, c)
	require.EqualError(t, err, "there is no such session")
	assert.True(t, NotFound(err))
}

func TestWatchingStopsWithItsReader(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: {\"seq\":1,\"type\":\"phase\",\"phase\":\"RUNNING\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for range c.Watch(t.Context(), "s") {
		break
	}
}

func TestAFollowedOutputIsTakenUpWhereItBroke(t *testing.T) {
	var calls atomic.Int32
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/s"):
			fmt.Fprintf(w, `{"kind":"%s","phase":"COMPLETED"}`, ivoa.KindSimpleSession)
		case calls.Add(1) == 1:
			io.WriteString(w, "first ")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			assert.Equal(t, "bytes=6-", r.Header.Get("Range"))
			assert.Equal(t, "true", r.URL.Query().Get("follow"))
			io.WriteString(w, "first second") // a node that knows no ranges here
		}
	})
	var b strings.Builder
	require.NoError(t, c.CopyOutput(t.Context(), "s", Stdout, true, &b))
	assert.Equal(t, "first second", b.String())
}

func TestProblemsSayWhatIsWrongWhereAndWhatToDo(t *testing.T) {
	for want, tt := range map[string]struct {
		status int
		body   string
	}{
		"the sender can't be established — log in with `starling login`, or give a token with --token-file or STARLING_TOKEN": {401, `{"title":"Unauthorized","detail":"the sender can't be established"}`},
		"want a number (at /compute/cores/min)":                {400, `{"title":"Bad Request","detail":"want a number","field":"/compute/cores/min"}`},
		"something went wrong (request r-1 in the node's log)": {500, `{"title":"Internal","detail":"something went wrong","requestId":"r-1"}`},
		"the node answered 502 Bad Gateway":                    {502, `<html>nginx</html>`},
		"the node answered 404 Not Found":                      {404, ``},
	} {
		c := node(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := c.Session(t.Context(), "s")
		require.EqualError(t, err, want)
	}
}

func TestWhatIsKnownOfAnUnreachableNodesSessionIsTold(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	attempt := func(n int, phase string) KnownAttempt {
		return KnownAttempt{HistoryRef: "r" + strconv.Itoa(n), Attempt: n, Phase: phase, Executor: "lt-1", Opened: now.Add(-time.Hour), Started: now.Add(-time.Minute)}
	}
	ended := attempt(1, "FAILED")
	ended.Ended = now.Add(-10 * time.Minute)
	for want, k := range map[string]*Known{
		"": {Node: "kth"},
		"; on record: attempt 2 RUNNING at lt-1, started 1m ago; attempt 1 FAILED at lt-1, ended 10m ago (`starling history r2`)": {Attempts: []KnownAttempt{attempt(2, "RUNNING"), ended}},
		"; on record, as of 5 s ago: attempt 1 DESPATCHED, despatched 2h ago (`starling history r1`)":                             {Attempts: []KnownAttempt{{HistoryRef: "r1", Attempt: 1, Phase: "DESPATCHED", Opened: now.Add(-2 * time.Hour)}}, AgeSeconds: 5},
	} {
		assert.Equal(t, want, k.told(now))
	}
	assert.Empty(t, (*Known)(nil).told(now))
}

func TestATokenDoesNotFollowARedirect(t *testing.T) {
	elsewhere := node(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("came with", r.Header) })
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Bearer secret", r.Header.Get("Authorization"))
		assert.Equal(t, "P1", r.Header.Get(ProposalHeader))
		w.Header().Set("Location", elsewhere.Base+"/offersets/x")
		w.WriteHeader(http.StatusSeeOther)
		fmt.Fprintf(w, `{"kind":"%s","result":"NO"}`, ivoa.KindOfferSet)
	})
	c.Token, c.Proposal = func(context.Context) (string, error) { return "secret", nil }, "P1"
	set, err := c.Ask(t.Context(), Request{Media: ivoa.JSON, Body: []byte("{}")})
	require.NoError(t, err)
	assert.Equal(t, ivoa.No, set.Result)
}

func TestTheNextPageMustBeThisNodes(t *testing.T) {
	c := &Client{Base: "http://here"}
	for next, want := range map[string]string{"/sessions?cursor=a%2Fb": "a/b", "http://here/sessions?cursor=c": "c"} {
		path, query, err := c.following(next)
		require.NoError(t, err)
		assert.Equal(t, "/sessions", path)
		assert.Equal(t, want, query.Get("cursor"))
	}
	for _, next := range []string{"http://there/sessions", "//there/sessions", "sessions"} {
		_, _, err := c.following(next)
		require.Error(t, err, next)
	}
}

func TestASilentNodeIsNotWaitedForLongerThanTheTimeout(t *testing.T) {
	c := node(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c.Timeout = time.Millisecond
	_, err := c.Session(t.Context(), "s")
	var u *Unreachable
	require.ErrorAs(t, err, &u)
	assert.ErrorContains(t, err, "did not answer in time; --timeout gives it longer")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Session(ctx, "s")
	assert.True(t, errors.Is(err, context.Canceled))
	assert.False(t, isUnreachable(err), "Ctrl-C is nobody's fault")
}

func TestOnlyURLsOfNodesAreTaken(t *testing.T) {
	for _, base := range []string{"", "localhost:7733", "ftp://host", "http://"} {
		_, err := New(base, 0)
		require.Error(t, err, base)
	}
}
