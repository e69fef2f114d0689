package executortest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
)

func testRenewal(t *testing.T, w *world) {
	w.RenewEvery(0)
	w.start(t)
	require.Eventually(t, func() bool { return len(w.Registrations()) >= 3 }, patience, time.Millisecond)
	assert.Equal(t, "one", w.Registrations()[0].Name)
}

func testHappyPath(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(0, 0)
	done := w.completed(t, "a")
	assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
	assert.Nil(t, done.Failure)
	require.NotNil(t, done.ExitCode)
	assert.Zero(t, *done.ExitCode)
	assert.Equal(t, map[string]string{"user": "u1"}, done.IDs, "ids, never names")
	used := map[string]string{}
	for _, r := range done.Resources {
		used[r.Name] = r.Unit
	}
	for name, unit := range map[string]string{
		"total-time": "s", "core-seconds": "s", "memory-gib-seconds": "GiB s", "storage-gib-seconds": "GiB s",
		"gpu-seconds": "s", "bytes-staged": "bytes",
	} {
		assert.Equal(t, unit, used[name], name)
	}
}

func testExitStatus(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(0, 3)
	done := w.completed(t, "a")
	assert.Equal(t, despatch.Failed, done.Outcome)
	require.NotNil(t, done.Failure)
	assert.Equal(t, 3, done.Failure.Code)
	assert.NotEmpty(t, done.Failure.Message)
	assert.False(t, done.Failure.Retry, "a program that says no would say it again")
	require.NotNil(t, done.ExitCode)
	assert.Equal(t, 3, *done.ExitCode)
	last := w.Attempt("a").Updates
	require.NotEmpty(t, last)
	assert.Contains(t, kinds(last), "action-failed:run")
}

func testOrder(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(0.3, 0)
	w.completed(t, "a")
	var steps []string
	for _, u := range w.Attempt("a").Updates {
		if u.Type != despatch.FileSeen && u.Type != despatch.LogLine {
			steps = append(steps, u.Type+":"+u.Action)
		}
	}
	assert.Equal(t, []string{
		"action-started:run", "action-completed:run",
		"action-started:save", "action-completed:save",
		"action-started:release", "action-completed:release",
	}, steps)
}

func testStop(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(600, 0)
	w.running(t)
	w.Stop("a", despatch.StopCancelled)
	done := w.completed(t, "a")
	assert.Equal(t, despatch.Abandoned, done.Outcome)
	require.NotNil(t, done.Failure)
	assert.False(t, done.Failure.Retry)
}

func testFence(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(600, 0)
	w.running(t)
	w.Refence("a")
	ok := w.Await(w.ctx, "a", func(a *Attempt) bool { return a.Refused > 0 })
	require.True(t, ok)
	// It is ended and forgotten, though the program would run for ten minutes.
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(w.dir, "spool", "a.json"))
		return errors.Is(err, fs.ErrNotExist)
	}, patience, time.Millisecond)
	w.stop()
	assert.Nil(t, w.Attempt("a").Completion)
	w.start(t)
	w.Enqueue(Despatch("b", w.Program(0, 0)))
	w.completed(t, "b")
	assert.Nil(t, w.Attempt("a").Completion, "nothing of it was taken up again")
}

func testLostAnswers(t *testing.T, w *world) {
	w.start(t)
	w.LoseAnswers(3)
	w.enqueue(0.1, 0)
	w.completed(t, "a")
	ok := w.Await(w.ctx, "a", func(a *Attempt) bool { return a.Duplicates+a.Repeated > 0 })
	require.True(t, ok)
	seen := map[string]int{}
	for _, u := range w.Attempt("a").Updates {
		seen[u.Type+":"+u.Action]++
	}
	assert.Equal(t, 1, seen["action-started:run"])
}

func testAway(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(0.2, 0)
	w.running(t)
	w.SetDown(true)
	w.spooled(t)
	before := w.Requests("updates")
	require.Eventually(t, func() bool { return w.Requests("updates") > before+2 }, patience, time.Millisecond,
		"the reports are repeated")
	w.SetDown(false)
	done := w.completed(t, "a")
	assert.Equal(t, despatch.Completed, done.Outcome)
	assert.Contains(t, kinds(w.Attempt("a").Updates), "action-completed:run")
}

func testSpooledCompletion(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(0.2, 0)
	w.running(t)
	w.SetDown(true)
	w.spooled(t)
	w.stop()
	w.SetDown(false)
	w.start(t)
	done := w.completed(t, "a")
	assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
	assert.Contains(t, kinds(w.Attempt("a").Updates), "action-completed:run")
}

func testRestart(t *testing.T, w *world) {
	w.start(t)
	w.enqueue(1, 0)
	w.running(t)
	w.stop()
	w.start(t)
	done := w.completed(t, "a")
	if w.Outlives {
		assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
		return
	}
	assert.Equal(t, despatch.Abandoned, done.Outcome)
	assert.True(t, done.Failure.Retry)
}

func testMany(t *testing.T, w *world) {
	w.start(t)
	many := cmp.Or(w.Many, 50)
	for n := range many {
		w.Enqueue(Despatch(fmt.Sprint("m", n), w.Program(0, n%2)))
	}
	for n := range many {
		done := w.completed(t, fmt.Sprint("m", n))
		require.NotNil(t, done.ExitCode, "%+v", done.Failure)
		assert.Equal(t, n%2, *done.ExitCode)
	}
}

func testUnknownAction(t *testing.T, w *world) {
	w.start(t)
	d := Despatch("a", w.Program(0, 0))
	d.Sequence[0].Run.Executable = []byte(`{"kind": 7}`)
	w.Enqueue(d)
	w.completed(t, "a") // one way or the other
}

func testIdleEnd(t *testing.T, w *world) {
	w.start(t)
	require.Eventually(t, func() bool { return w.Requests("despatch") > 0 }, patience, time.Millisecond)
	w.stop()
}

func testDespatchedTwice(t *testing.T, w *world) {
	w.start(t)
	d := Despatch("a", w.Program(0.3, 0))
	w.Enqueue(d)
	w.running(t)
	w.change(func() { w.queue = append(w.queue, d) })
	w.completed(t, "a")
	assert.Equal(t, 1, count(w.Attempt("a").Updates, despatch.ActionCompleted, "run"))
}

func testForgotten(t *testing.T, w *world) {
	w.start(t)
	require.Eventually(t, func() bool { return len(w.Registrations()) == 1 }, patience, time.Millisecond)
	w.Forget()
	require.Eventually(t, func() bool { return len(w.Registrations()) > 1 }, patience, time.Millisecond)
	w.enqueue(0, 0)
	w.completed(t, "a")
}

func kinds(updates []despatch.Update) []string {
	var all []string
	for _, u := range updates {
		all = append(all, u.Type+":"+u.Action)
	}
	return all
}

func count(updates []despatch.Update, kind, action string) int {
	n := 0
	for _, u := range updates {
		if u.Type == kind && u.Action == action {
			n++
		}
	}
	return n
}
