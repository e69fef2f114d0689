package api

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/node"
)

// over the network, as streams need to be seen.
func (w *world) serve() *httptest.Server {
	server := httptest.NewServer(w.server)
	w.Cleanup(server.Close)
	w.Cleanup(w.server.EndStreams)
	return server
}

func (w *world) stream(server *httptest.Server, path string, header map[string]string) (*http.Response, *bufio.Reader) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	require.NoError(w, err)
	r.Header.Set("Authorization", "Bearer alice")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := server.Client().Do(r)
	require.NoError(w, err)
	w.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewReader(resp.Body)
}

// block reads up to the next empty line.
func block(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	var lines []string
	for {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		if line == "\n" {
			return strings.Join(lines, "")
		}
		lines = append(lines, line)
	}
}

var threeEvents = []node.Event{
	{Seq: 1, Time: noonUTC, Type: "phase", Phase: ivoa.SessionRunning},
	{Seq: 2, Time: noonUTC, Type: "progress", Progress: ptr(0.5), Message: "half\nof it"},
	{Seq: 3, Time: noonUTC, Type: "phase", Phase: ivoa.SessionCompleted},
}

func TestEventsAreReplayedThenFollowed(t *testing.T) {
	w := newWorld(t)
	w.broker.list, w.broker.live = threeEvents[:1], make(chan node.Event)
	resp, in := w.stream(w.serve(), on("/events"), nil)
	assert.Equal(t, eventStream, resp.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Equal(t, "retry: 2000\n", block(t, in))
	assert.Equal(t, "id: 1\nevent: phase\ndata: {\"seq\":1,\"time\":\"2026-11-22T12:00:00.000Z\",\"type\":\"phase\",\"phase\":\"RUNNING\"}\n", block(t, in))
	w.broker.live <- threeEvents[1]
	assert.Equal(t, "id: 2\nevent: progress\ndata: {\"seq\":2,\"time\":\"2026-11-22T12:00:00.000Z\",\"type\":\"progress\",\"message\":\"half\\nof it\",\"progress\":0.5}\n", block(t, in))
	w.broker.live <- node.Event{Time: noonUTC, Type: node.EventLog, Message: "passing"}
	assert.Equal(t, "event: log\ndata: {\"time\":\"2026-11-22T12:00:00.000Z\",\"type\":\"log\",\"message\":\"passing\"}\n", block(t, in))
	w.broker.live <- threeEvents[2]
	assert.Contains(t, block(t, in), "COMPLETED")
	close(w.broker.live)
	assert.Equal(t, "event: end\ndata: {}\n", block(t, in))
	eventually(t, func() bool { return w.server.streams.open() == 0 })
}

func TestEventsResumeAfterTheLastOneSeen(t *testing.T) {
	w := newWorld(t)
	w.broker.list, w.broker.phase = threeEvents, ivoa.SessionCompleted
	for _, c := range []call{
		{path: on("/events?after=2")},
		{path: on("/events"), header: map[string]string{"Last-Event-ID": "2"}},
		{path: on("/events?after=0"), header: map[string]string{"Last-Event-ID": "2"}},
	} {
		body := text(t, w.do(c))
		assert.NotContains(t, body, "id: 2\n")
		assert.Contains(t, body, "id: 3\n")
		assert.True(t, strings.HasSuffix(body, "event: end\ndata: {}\n\n"), body)
	}
	// At 204 a browser stops asking.
	assert.Equal(t, http.StatusNoContent, w.get(on("/events?after=3")).StatusCode)
}

func TestASilentStreamBeats(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Heartbeat = time.Millisecond })
	w.broker.live = make(chan node.Event)
	_, in := w.stream(w.serve(), on("/events"), nil)
	block(t, in)
	assert.Equal(t, ": still here\n", block(t, in))
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	w := newWorld(t)
	w.broker.live = make(chan node.Event)
	server := w.serve()
	_, in := w.stream(server, on("/events"), nil)
	block(t, in)
	w.server.EndStreams()
	_, err := in.ReadString('\n')
	assert.Error(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, w.get("/readyz").StatusCode)
}

func TestStreamsEndWhenTheClientLeaves(t *testing.T) {
	w := newWorld(t)
	w.broker.live = make(chan node.Event)
	resp, in := w.stream(w.serve(), on("/events"), nil)
	block(t, in)
	require.Equal(t, 1, w.server.streams.open())
	resp.Body.Close()
	eventually(t, func() bool { return w.server.streams.open() == 0 })
}

func TestStreamsAreBounded(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.StreamsPerUser, o.Limits.Streams = 1, 2 })
	w.broker.live = make(chan node.Event)
	server := w.serve()
	_, in := w.stream(server, on("/events"), nil)
	block(t, in)
	resp := w.get(on("/stdout?follow=true"))
	wantProblem(t, resp, http.StatusTooManyRequests)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
	_, in = w.stream(server, on("/events"), map[string]string{"Authorization": "Bearer bob"})
	block(t, in)
	wantProblem(t, w.do(call{path: on("/events"), header: map[string]string{"Authorization": "Bearer carol"}}), http.StatusServiceUnavailable)
}

func TestEventsAreServerSentEventsOnly(t *testing.T) {
	w := newWorld(t)
	wantProblem(t, w.do(call{path: on("/events"), header: map[string]string{"Accept": "application/json"}}), http.StatusNotAcceptable)
}

// A stream outlives the server's write timeout, as does a long poll.
func TestStreamsAndPollsOutliveTheTimeouts(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Heartbeat = 5 * time.Millisecond })
	w.broker.live = make(chan node.Event)
	server := httptest.NewUnstartedServer(w.server)
	server.Config.WriteTimeout, server.Config.ReadTimeout = 30*time.Millisecond, 30*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(w.server.EndStreams)
	_, in := w.stream(server, on("/events"), nil)
	begun := time.Now()
	for time.Since(begun) < 100*time.Millisecond {
		block(t, in) // heartbeats, well after the timeout
	}
}
