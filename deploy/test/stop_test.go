package systemtest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// held is an answer that a node holds open.
type held struct {
	ended chan struct{} // closed when the node has let go of it
	begun chan struct{} // closed when its header is there
}

// hold begins a request in the background.
func (n *Node) hold(method, path string) *held {
	h := &held{ended: make(chan struct{}), begun: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, method, n.URL+path, nil)
	require.NoError(n.t, err)
	var waits sync.WaitGroup
	n.t.Cleanup(func() { cancel(); waits.Wait() })
	waits.Go(func() {
		defer close(h.ended)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			return
		}
		close(h.begun)
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
	})
	return h
}

func TestSIGTERMStopsANodeWithOpenStreamsAndLeavesItsWorkRunning(t *testing.T) {
	t.Parallel()
	n, g := start(t), newGate(t)
	a := n.do("POST", "/executors", object{"name": "outside", "kinds": list{"urn:test:kind"}, "capacity": object{"cores": 0, "memory": 0, "storage": 0, "gpus": 0}})
	require.Equal(t, 201, a.Status, "%s", a.Body)
	var executor struct{ UUID string }
	a.into(t, &executor)
	id := n.accept(work{command: g.program()})
	g.began(1)
	n.await(id, "RUNNING")

	inFlight := n.metric("starling_http_requests_in_flight")
	poll := n.hold("POST", "/executors/"+executor.UUID+"/despatch?wait=30s")
	events := n.hold("GET", "/sessions/"+id+"/events")
	output := n.hold("GET", "/sessions/"+id+"/stdout?follow=true")
	<-events.begun
	<-output.begun
	eventually(t, "the poll to be held", func() bool { return n.metric("starling_http_requests_in_flight") >= inFlight+3 })

	require.Equal(t, 0, n.Stop(), "exit status")
	for _, h := range []*held{poll, events, output} {
		<-h.ended
	}
	assert.NotContains(t, n.Said(), "level=ERROR", "stopping is no error")
	assert.Equal(t, 1, g.waiting(), "the program goes on")
	n.Start()
	n.await(id, "RUNNING")
	g.Open()
	n.ranOnce(id, "COMPLETED")
	assert.Equal(t, 1, g.count("began"))
	assert.Equal(t, "done\n", n.file(id, "result.txt"))
}

func TestPromise6ALeaderThatStopsHandsOverBeforeItWaitsForRequestsUnderWay(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	f.allVote()
	old := f.leader(f.nodes...)
	others := slices.DeleteFunc(slices.Clone(f.nodes), func(n *Node) bool { return n == old })

	// A user whose question isn't all there yet: the node waits for the rest of it.
	inFlight := old.metric("starling_http_requests_in_flight")
	rest, question := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", old.URL+"/executors", rest)
	require.NoError(t, err)
	answered := make(chan int, 1)
	var waits sync.WaitGroup
	t.Cleanup(func() { _ = question.Close(); waits.Wait() })
	waits.Go(func() {
		defer close(answered)
		if resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r); err == nil {
			answered <- resp.StatusCode
			_ = resp.Body.Close()
		}
	})
	_, err = question.Write([]byte(`{"name": "slow",`))
	require.NoError(t, err)
	eventually(t, "the question to be read", func() bool { return old.metric("starling_http_requests_in_flight") > inFlight })

	stopped := make(chan int, 1)
	waits.Go(func() { stopped <- old.Stop() })
	eventually(t, "another leader", func() bool { return f.leader(others...) != old })
	select {
	case <-answered:
		assert.Fail(t, "the old leader had answered all before another led")
	case <-stopped:
		assert.Fail(t, "the old leader had ended before another led")
	default:
	}
	_, err = question.Write([]byte(`"kinds": []}`))
	require.NoError(t, err)
	require.NoError(t, question.Close())
	assert.NotZero(t, <-answered, "who asked is answered")
	assert.Equal(t, 0, <-stopped, "exit status")
	old.Start()
}
