package node

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/federation/identity"
)

// Promise 2: a mistake of ours within a decision doesn't freeze the node, nor
// leave it with half of a decision: the process ends, although its server
// recovers from panics.
func TestPromise2APanicWithinADecisionEndsTheProcess(t *testing.T) {
	if os.Getenv("STARLING_TEST_PANIC") != "" {
		panicWithinADecision(t)
		return
	}
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "5m")
	child.Env = append(os.Environ(), "STARLING_TEST_PANIC=1")
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out)
	assert.Equal(t, 2, exit.ExitCode(), "%s", out)
	assert.Contains(t, string(out), "panic: a decision has failed: runtime error")
	assert.NotContains(t, string(out), "still there")
}

func panicWithinADecision(t *testing.T) {
	w := newWorld(t)
	w.state.executors[w.executor].pool = nil // as a mistake would have it
	go func() {
		defer func() { _ = recover() }() // as a server does
		_, _, _ = w.Despatch(context.Background(), builtIn, w.executor, 0)
	}()
	time.Sleep(4 * time.Minute)
	t.Log("still there")
}

// What can be known to be wrong before anything is decided ends nothing.
func TestBadInputEndsNothing(t *testing.T) {
	w := newWorld(t)
	w.crashed(t)
	_, err := w.Complete(context.Background(), builtIn, identity.UUID{}, despatch.Completion{})
	assert.Equal(t, CodeInvalid, codeOf(err))
	_, err = w.Report(context.Background(), builtIn, identity.UUID{}, despatch.Updates{Updates: make([]despatch.Update, maxReport+1)}, 0)
	assert.Equal(t, CodeInvalid, codeOf(err))
}

// crashed lets a test fail where a broker would end the process.
func (w *world) crashed(t *testing.T) {
	w.Broker.crash = func(reason any, _ []byte) { t.Errorf("the process would have ended: %v", reason) }
}
