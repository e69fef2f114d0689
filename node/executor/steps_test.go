package executor_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/federation/tracing/otlp"
	"starling/federation/tracing/otlp/otlptest"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// traced runs an executor that sends spans, for one despatch, and returns them in the
// order of their ends.
func traced(t *testing.T, under identity.Span, b executor.Backend, sequence ...despatch.Action) []otlptest.Span {
	t.Helper()
	collector := otlptest.NewCollector(t)
	spans, err := otlp.Open(otlp.Options{
		Endpoint: collector.URL, HTTP: &http.Client{Transport: &http.Transport{}}, Service: "starling-executor", Instance: "lab", Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer spans.Close()
	node := executortest.NewNode()
	e, err := executor.New(executor.Options{
		Client:  &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: executortest.Transport{Handler: node}}},
		Backend: b, Logger: slog.New(slog.DiscardHandler), Tracer: spans.Tracer(),
	})
	require.NoError(t, err)
	d := executortest.Despatch("a", nil)
	d.Trace, d.Span, d.Sequence = "4bf92f3577b34da6a3ce929d0e0e4736", under, sequence
	node.Enqueue(d)
	ended := make(chan error)
	go func() { ended <- e.Run(context.Background()) }()
	completed(t, node)
	e.Finish()
	require.NoError(t, <-ended)
	spans.Close()
	return collector.Spans()
}

// Where the time of an attempt goes, its actions tell; and what a user calls hers, no
// span does.
func TestAnAttemptIsASpanWithItsActions(t *testing.T) {
	const under = "00f067aa0ba902b7"
	spans := traced(t, under, backend(func(ctx context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Started("stage-1")
		r.Started("stage-1") // again, by a backend that has forgotten
		r.Completed("stage-1")
		r.Started("action-1")
		r.Failed("action-1", "the user's own words")
		r.Completed("never begun")
		r.Started("run") // and never ended
		return despatch.Completion{Outcome: despatch.Failed}, nil
	}), despatch.Action{ID: "stage-1", Kind: despatch.ActionStageData}, despatch.Action{ID: "action-1", Kind: "what-a-user-wrote"}, despatch.Action{ID: "run", Kind: despatch.ActionRun})
	require.Len(t, spans, 3)
	attempt := spans[2]
	assert.Equal(t, "attempt", attempt.Name)
	assert.Equal(t, under, attempt.Parent)
	assert.Equal(t, "lab", attempt.Instance)
	assert.True(t, attempt.Failed)
	assert.Equal(t, "FAILED", attempt.Facts["starling.outcome"])
	for i, name := range []string{"stage-data", "action"} {
		assert.Equal(t, name, spans[i].Name)
		assert.Equal(t, attempt.ID, spans[i].Parent)
		assert.Equal(t, name == "action", spans[i].Failed)
	}
	assert.NotContains(t, fmt.Sprint(spans), "user")
}

// A long sequence doesn't fill the queue.
func TestTheSpansOfAnAttemptAreFew(t *testing.T) {
	spans := traced(t, "00f067aa0ba902b7", backend(func(_ context.Context, r executor.Reporter) (despatch.Completion, error) {
		for i := range 1000 {
			r.Started(fmt.Sprint("action-", i))
			r.Completed(fmt.Sprint("action-", i))
		}
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}))
	assert.Len(t, spans, 65)
}

// What the node doesn't record of a session, its executor doesn't.
func TestWhatTheNodeDoesNotRecordTheExecutorDoesNot(t *testing.T) {
	assert.Empty(t, traced(t, "", backend(func(ctx context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Started("run")
		assert.True(t, tracing.Of(ctx).Valid(), "its log has the trace all the same")
		return despatch.Completion{Outcome: despatch.Completed}, nil
	})))
}
