package executor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/despatch"
	"starling/federation/tracing"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// backend is a Backend made of a function.
type backend func(ctx context.Context, r executor.Reporter) (despatch.Completion, error)

func (backend) Adopt(context.Context) ([]*despatch.Despatch, error) { return nil, nil }
func (backend) Settle(*despatch.Despatch)                           {}
func (b backend) Run(ctx context.Context, _ *despatch.Despatch, r executor.Reporter) (despatch.Completion, error) {
	return b(ctx, r)
}

// work runs an executor until the test ends.
func work(t *testing.T, node http.Handler, b executor.Backend, spool string, timing executor.Timing) {
	t.Helper()
	e, err := executor.New(executor.Options{
		Client:  &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: executortest.Transport{Handler: node}}},
		Backend: b, Spool: spool, Logger: slog.New(slog.DiscardHandler), Timing: timing,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// completed waits for the attempt "a" to be completed.
func completed(t *testing.T, node *executortest.Node) executortest.Attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.True(t, node.Await(ctx, "a", func(a *executortest.Attempt) bool { return a.Completion != nil }))
	return node.Attempt("a")
}

// never is longer than any test: what comes after it doesn't happen.
const never = time.Hour

func TestShortAttemptIsOneRequest(t *testing.T) {
	node := executortest.NewNode()
	work(t, node, backend(func(_ context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Started("run")
		r.Completed("run")
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}), "", executor.Timing{Short: never})
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Zero(t, node.Requests("updates"), "the completion implies the steps")
	assert.Equal(t, "completion", a.Completion.Key)
	assert.Equal(t, uint64(1), a.Completion.Fence)
}

// An idle executor costs its node one request in half a minute, also after a burst
// in which it had several open.
func TestAnIdleExecutorAsksOnceInHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := executortest.NewNode()
		work(t, node, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
			return despatch.Completion{Outcome: despatch.Completed}, nil
		}), "", executor.Timing{})
		for range 20 {
			node.Enqueue(executortest.Despatch("a", nil))
		}
		completed(t, node)
		time.Sleep(time.Minute)
		before := node.Requests("despatch")
		assert.Greater(t, before, 20)
		time.Sleep(time.Hour)
		assert.InDelta(t, 120, node.Requests("despatch")-before, 1)
		assert.Len(t, node.Registrations(), 1, "a poll is as good")
	})
}

func TestShortAttemptsEventsGoOutTogetherBeforeTheCompletion(t *testing.T) {
	node := executortest.NewNode()
	work(t, node, backend(func(_ context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Started("run")
		for n := range 100 {
			r.Log("run", fmt.Sprint(n))
		}
		r.Failed("run", "no")
		return executor.Failure(1, "no", false), nil
	}), "", executor.Timing{Short: never})
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Equal(t, 1, node.Requests("updates"))
	assert.Len(t, a.Updates, 102)
	assert.Equal(t, "action-started:run", a.Updates[0].Key)
}

func TestBackendThatFailsMayBeTriedAgain(t *testing.T) {
	node := executortest.NewNode()
	work(t, node, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		return despatch.Completion{}, errors.New("out of luck")
	}), "", executor.Timing{})
	node.Enqueue(executortest.Despatch("a", nil))
	done := completed(t, node).Completion
	assert.Equal(t, despatch.Failed, done.Outcome)
	assert.Equal(t, &despatch.Failure{Code: executor.CodeInternal, Message: "out of luck", Retry: true}, done.Failure)
}

func TestFilesThatACompletionCannotHoldGoAheadOfIt(t *testing.T) {
	node := executortest.NewNode()
	const many = 10_000
	work(t, limited{node}, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		done := despatch.Completion{Outcome: despatch.Completed}
		for n := range many {
			done.Files = append(done.Files, despatch.File{Name: fmt.Sprintf("%0100d", n), Location: "file:///" + strings.Repeat("x", 100)})
		}
		return done, nil
	}), "", executor.Timing{})
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Equal(t, many, len(a.Updates)+len(a.Completion.Files))
	assert.NotEmpty(t, a.Completion.Files)
}

// limited takes no body above 1 MiB, as a broker does.
type limited struct{ http.Handler }

func (l limited) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 1<<20 {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	l.Handler.ServeHTTP(w, r)
}

func TestUpdateThatTheNodeDoesNotTakeDoesNotStopTheWork(t *testing.T) {
	node := executortest.NewNode()
	picky := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/updates") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		node.ServeHTTP(w, r)
	})
	work(t, picky, backend(func(_ context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Log("run", "hm")
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}), "", executor.Timing{})
	node.Enqueue(executortest.Despatch("a", nil))
	assert.Equal(t, despatch.Completed, completed(t, node).Completion.Outcome)
}

func TestEventsOfALongAttemptAreNotHeldUpByAHeartbeat(t *testing.T) {
	node := executortest.NewNode()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := func(kind string, n int) bool {
		return node.Await(ctx, "a", func(a *executortest.Attempt) bool {
			return kind == despatch.Heartbeat && a.Heartbeats >= n || kind != despatch.Heartbeat && len(a.Updates) >= n
		})
	}
	work(t, node, backend(func(_ context.Context, r executor.Reporter) (despatch.Completion, error) {
		for n := range 3 {
			if !seen(despatch.Heartbeat, n+1) { // one is held open now
				return despatch.Completion{}, errors.New("no heartbeat")
			}
			r.Log("run", "something")
			if !seen(despatch.LogLine, n+1) {
				return despatch.Completion{}, errors.New("the event is held up")
			}
		}
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}), "", executor.Timing{Short: time.Millisecond, Hold: 2 * time.Millisecond, Held: never, Spacing: time.Millisecond})
	node.Enqueue(executortest.Despatch("a", nil))
	done := completed(t, node).Completion
	assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
}

func TestSpoolThatCannotBeReadIsSetAside(t *testing.T) {
	spool := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(spool, "x.json"), []byte("{torn"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(spool, "y.json.part"), []byte("{torn"), 0o600))
	node := executortest.NewNode()
	work(t, node, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}), spool, executor.Timing{})
	node.Enqueue(executortest.Despatch("a", nil))
	completed(t, node)
	assert.FileExists(t, filepath.Join(spool, "x.json.bad"))
}

func TestSettledAttemptLeavesTheSpoolEmpty(t *testing.T) {
	spool := t.TempDir()
	node := executortest.NewNode()
	ran := make(chan struct{})
	t.Run("run", func(t *testing.T) {
		work(t, node, backend(func(ctx context.Context, r executor.Reporter) (despatch.Completion, error) {
			close(ran)
			require.Eventually(t, func() bool {
				entries, _ := os.ReadDir(spool)
				return len(entries) == 1
			}, 30*time.Second, time.Millisecond, "a long attempt is known to the spool")
			return despatch.Completion{Outcome: despatch.Completed}, nil
		}), spool, executor.Timing{Short: time.Millisecond, Hold: time.Millisecond})
		node.Enqueue(executortest.Despatch("a", nil))
		<-ran
		completed(t, node)
	})
	entries, err := os.ReadDir(spool)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestStoppedSaysWhy(t *testing.T) {
	for cause, want := range map[error]despatch.Completion{
		&executor.StopError{Stop: despatch.Stop{Reason: despatch.StopCancelled, Message: "by Ursula"}}: {
			Outcome: despatch.Abandoned, Failure: &despatch.Failure{Code: executor.CodeCancelled, Message: "CANCELLED: by Ursula"}},
		&executor.StopError{Stop: despatch.Stop{Reason: despatch.StopWalltime}}: {
			Outcome: despatch.Failed, Failure: &despatch.Failure{Code: executor.CodeWalltime, Message: "WALLTIME"}},
		executor.ErrDetached: {
			Outcome: despatch.Abandoned, Failure: &despatch.Failure{Code: executor.CodeLost, Message: executor.ErrDetached.Error(), Retry: true}},
	} {
		assert.Equal(t, want, executor.Stopped(cause))
	}
}

func TestFirstRegistrationSaysWhatIsHeldAndLaterOnesDoNot(t *testing.T) {
	node := executortest.NewNode()
	work(t, node, backend(nil), "", executor.Timing{})
	registered := func(times int) []despatch.Registration {
		require.Eventually(t, func() bool { return len(node.Registrations()) >= times }, 30*time.Second, time.Millisecond)
		return node.Registrations()
	}
	assert.Equal(t, []string{}, registered(1)[0].Holding)
	node.Forget()
	assert.Nil(t, registered(2)[1].Holding)
}

func TestReportsBearTheTraceOfTheDespatch(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	node := executortest.NewNode()
	traces := make(chan string, 1000)
	work(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/history/") {
			traces <- r.Header.Get("Traceparent")
		}
		node.ServeHTTP(w, r)
	}), backend(func(ctx context.Context, r executor.Reporter) (despatch.Completion, error) {
		r.Started("run")
		assert.EqualValues(t, trace, tracing.Of(ctx), "for what the backend asks of others")
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}), "", executor.Timing{Short: time.Millisecond})
	d := executortest.Despatch("a", nil)
	d.Trace = trace
	node.Enqueue(d)
	completed(t, node)
	assert.Contains(t, <-traces, trace)
}
