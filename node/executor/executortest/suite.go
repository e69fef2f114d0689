package executortest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
)

// Suite is what the tests need to know of a backend.
type Suite struct {
	// Backend makes a backend that keeps its things in dir; a second call with
	// the same dir is the executor's next life. It is closed by the test.
	Backend func(t testing.TB, dir string) executor.Backend
	// Program is an executable that takes so many seconds and then exits so.
	Program func(seconds float64, exit int) jsontext.Value
	// Outlives says that work goes on when the executor ends.
	Outlives bool
	// Many is how many attempts run at once where many do: 50, unless each is
	// dear.
	Many int
}

// patience is how long a test waits for what must come; not a timing claim.
const patience = 2 * time.Minute

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	tests := map[string]func(*testing.T, *world){
		"RegistrationIsRenewed":                   testRenewal,
		"ProgramThatEndsWellCompletes":            testHappyPath,
		"ExitStatusIsReported":                    testExitStatus,
		"ActionsAreReportedInOrder":               testOrder,
		"StopEndsTheWorkPromise7":                 testStop,
		"StaleFenceEndsTheWork":                   testFence,
		"LostAnswersLeadToDuplicatesOnly":         testLostAnswers,
		"NodeThatWasAwayGetsEverything":           testAway,
		"CompletionSurvivesARestart":              testSpooledCompletion,
		"RestartInMidRunEndsInExactlyOneOutcome":  testRestart,
		"ManyAttemptsAtOnceAreEachCompletedOnce":  testMany,
		"UnintelligibleActionFailsWithoutAHang":   testUnknownAction,
		"ExecutorThatIsClosedWhileIdleEndsAtOnce": testIdleEnd,
		"DespatchOfWhatIsRunningAlreadyIsIgnored": testDespatchedTwice,
		"ForgottenExecutorRegistersAgainByItself": testForgotten,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, s.world(t)) })
	}
}

// world is a node and the executor that works for it.
type world struct {
	Suite
	*Node
	dir  string
	ctx  context.Context
	stop func() // ends the executor and waits for it
}

func (s Suite) world(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &world{Suite: s, Node: NewNode(), dir: t.TempDir(), ctx: ctx}
}

// start begins a life of the executor.
func (w *world) start(t testing.TB) {
	e, err := executor.New(executor.Options{
		Client:       &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: Transport{w.Node}}},
		Registration: despatch.Registration{Name: "one", Kinds: []string{"k"}},
		Backend:      w.Backend(t, w.dir),
		Spool:        filepath.Join(w.dir, "spool"),
		Logger:       slog.New(slog.DiscardHandler),
		Timing: executor.Timing{
			Short: 20 * time.Millisecond, Hold: 40 * time.Millisecond, Spacing: 5 * time.Millisecond,
			MinBackoff: 5 * time.Millisecond, MaxBackoff: 50 * time.Millisecond, Farewell: 50 * time.Millisecond,
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	var stopped atomic.Bool
	w.stop = func() {
		if stopped.CompareAndSwap(false, true) {
			cancel()
			assert.NoError(t, <-ended)
		}
	}
	t.Cleanup(w.stop)
}

// Despatch makes a despatch with one run action.
func Despatch(ref string, program jsontext.Value) *despatch.Despatch {
	return &despatch.Despatch{
		HistoryRef:      ref,
		Fence:           1,
		Attempt:         1,
		Lease:           despatch.Lease{Seconds: 60},
		Session:         despatch.SessionRef{UUID: "session-of-" + ref},
		Identification:  despatch.Identification{User: despatch.Name{ID: "u1", Name: "Ursula"}},
		Resources:       despatch.Capacity{Cores: 2, Memory: 1, Storage: 1},
		WalltimeSeconds: 600,
		Sequence: []despatch.Action{
			{ID: "run", Kind: despatch.ActionRun, Run: &despatch.Run{Executable: program}},
			{ID: "save", Kind: despatch.ActionSave},
			{ID: "release", Kind: despatch.ActionRelease},
		},
	}
}

// enqueue queues a program as attempt "a".
func (w *world) enqueue(seconds float64, exit int) {
	w.Enqueue(Despatch("a", w.Program(seconds, exit)))
}

// completed waits for the completion of an attempt.
func (w *world) completed(t testing.TB, ref string) despatch.Completion {
	t.Helper()
	ok := w.Await(w.ctx, ref, func(a *Attempt) bool { return a.Completion != nil })
	require.True(t, ok, "no completion of %s: %s", ref, describe(w.Attempt(ref)))
	return *w.Attempt(ref).Completion
}

// running waits until an attempt has reported that its run action has begun.
func (w *world) running(t testing.TB) {
	t.Helper()
	ok := w.Await(w.ctx, "a", func(a *Attempt) bool {
		return len(a.Updates) > 0 && a.Heartbeats > 0 || a.Completion != nil
	})
	require.True(t, ok && w.Attempt("a").Completion == nil, "not running: %s", describe(w.Attempt("a")))
}

// spooled waits until the spool has a completion.
func (w *world) spooled(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(filepath.Join(w.dir, "spool", "a.json"))
		return bytes.Contains(text, []byte(`"completion":{`))
	}, patience, time.Millisecond)
}

func describe(a Attempt) string { return fmt.Sprintf("%+v", a) }
