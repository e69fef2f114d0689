package docker

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// task is an attempt that is being performed in the background.
type task struct {
	cancel  context.CancelCauseFunc
	updates chan despatch.Update
	wait    sync.WaitGroup
	done    despatch.Completion
	err     error
}

// background performs a despatch until it is stopped, or the test ends.
func background(t *testing.T, b *Backend, d *despatch.Despatch) *task {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &task{cancel: cancel, updates: make(chan despatch.Update, 1000)}
	r.wait.Go(func() { r.done, r.err = b.Run(ctx, d, func(u despatch.Update) { r.updates <- u }) })
	t.Cleanup(func() {
		cancel(&executor.StopError{})
		r.wait.Wait()
	})
	return r
}

// end stops the task for a reason and waits for it.
func (r *task) end(cause error) {
	r.cancel(cause)
	r.wait.Wait()
}

// stop stops it as a node does.
func (r *task) stop(t *testing.T) {
	t.Helper()
	r.end(&executor.StopError{Stop: despatch.Stop{Reason: despatch.StopCancelled}})
	require.NoError(t, r.err)
	assert.Equal(t, despatch.Abandoned, r.done.Outcome, "%+v", r.done.Failure)
}

// connector waits for a connector.
func (r *task) connector(t *testing.T) despatch.Connector {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case u := <-r.updates:
			if u.Connector != nil {
				return *u.Connector
			}
		case <-ctx.Done():
			t.Fatal("no connector was reported")
		}
	}
}

// printed waits until a container has printed something, as the node sees it.
func printed(t *testing.T, b *Backend, ref, want string) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(filepath.Join(b.Root, "session-of-"+ref+".1", "stdout"))
		return string(text) == want
	}, patience, poll)
}

// let writes the file for which a container waits.
func let(t *testing.T, b *Backend) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(b.Root, "session-of-a.1", "work", "control", "go"), nil, 0o600))
}

// patient prints, and ends when it is let.
func patient() *despatch.Despatch {
	return with(does("print:begun", "await:/control/go", "print:ended", "exit:3"), despatch.Volume{Path: "/control", Mode: despatch.ReadWrite})
}

// adopted is the only attempt that a backend finds.
func adopted(t *testing.T, b *Backend) *despatch.Despatch {
	t.Helper()
	found, err := b.Adopt(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

func TestWhatIsPrintedCanBeReadWhileItRuns(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	r := background(t, b, patient())
	printed(t, b, "a", "begun\n")
	let(t, b)
	r.wait.Wait()
	assert.Equal(t, "begun\nended\n", content(t, r.done, "stdout"))
}

// Promise 2: what was accepted survives the node. The container goes on, and the
// next life reports how it ended, with all that it has printed.
func TestPromise2ContainerOutlivesItsExecutor(t *testing.T) {
	t.Parallel()
	for _, ends := range []string{"after the next life has begun", "while nobody is there"} {
		t.Run(ends, func(t *testing.T) {
			root := t.TempDir()
			b := newBackend(t, root)
			r := background(t, b, patient())
			printed(t, b, "a", "begun\n")
			r.end(executor.ErrDetached)
			require.ErrorIs(t, r.err, executor.ErrDetached)
			b.Close()

			if ends == "while nobody is there" {
				let(t, b)
				gone(t, b)
			}
			next := newBackend(t, root)
			again := background(t, next, adopted(t, next))
			if ends != "while nobody is there" {
				let(t, next)
			}
			again.wait.Wait()
			require.NotNil(t, again.done.ExitCode, "%+v", again.done.Failure)
			assert.Equal(t, 3, *again.done.ExitCode)
			assert.Equal(t, "begun\nended\n", content(t, again.done, "stdout"))
		})
	}
}

// gone waits until no container of a backend runs.
func gone(t *testing.T, b *Backend) {
	t.Helper()
	require.Eventually(t, func() bool {
		running, err := theLab.ContainerList(t.Context(), client.ContainerListOptions{Filters: b.own()})
		return err == nil && len(running.Items) == 0
	}, patience, poll)
}

func TestAdoptedAttemptRepeatsTheSameCompletion(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := newBackend(t, root)
	d := does("print:x", "exit:3")
	first := perform(t, b, d)
	b.Close()
	again := newBackend(t, root)
	assert.Equal(t, first, perform(t, again, adopted(t, again)), "or the node would refuse it as another")
	again.Settle(d)
	found, err := again.Adopt(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestContainerThatWasMadeAndNotStartedIsStarted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := newBackend(t, root)
	d := does("print:late")
	attempt, err := b.Attempt(d, func(despatch.Update) {})
	require.NoError(t, err)
	j := &job{Backend: b, Attempt: attempt, name: b.nameOf(attempt), log: b.Logger}
	e, err := parse(d.Sequence[0].Run.Executable)
	require.NoError(t, err)
	image, failure := j.find(t.Context(), "run", e.Image)
	require.Nil(t, failure)
	require.NoError(t, attempt.Begin())
	require.NoError(t, j.create(t.Context(), e, image))
	done := perform(t, b, adopted(t, b))
	assert.Equal(t, "late\n", content(t, done, "stdout"))
}

func TestContainerThatSomebodyRemovedIsLostAndMayBeRetried(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	r := background(t, b, patient())
	printed(t, b, "a", "begun\n")
	r.end(executor.ErrDetached)
	for _, c := range containersOf(t, b) {
		_, err := theLab.ContainerRemove(t.Context(), c, client.ContainerRemoveOptions{Force: true})
		require.NoError(t, err)
	}
	done := perform(t, b, adopted(t, b))
	require.NotNil(t, done.Failure)
	assert.Equal(t, executor.CodeLost, done.Failure.Code)
	assert.True(t, done.Failure.Retry)
}

func containersOf(t *testing.T, b *Backend) (ids []string) {
	t.Helper()
	found, err := theLab.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: b.own()})
	require.NoError(t, err)
	for _, c := range found.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

// Promise 7: a cancelled session's work is really stopped, also what ignores that
// it is asked to end, and nothing of it is left.
func TestPromise7StopEndsAndRemovesTheContainer(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	r := background(t, b, with(does("deaf", "write:/output/r.txt:kept", "print:begun", "sleep:600"), despatch.Volume{Path: "/output", Mode: despatch.ReadWrite}))
	printed(t, b, "a", "begun\n")
	r.stop(t)
	assert.Empty(t, containersOf(t, b))
	assert.Equal(t, "kept", content(t, r.done, "output/r.txt"))
}

func TestRefusedAttemptLeavesNothing(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	r := background(t, b, patient())
	printed(t, b, "a", "begun\n")
	r.end(executor.ErrRefused)
	assert.Empty(t, containersOf(t, b))
	assert.NoDirExists(t, filepath.Join(b.Root, "session-of-a.1"))
}

func TestWhatBelongsToNoAttemptIsTidiedAway(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := newBackend(t, root)
	r := background(t, b, patient())
	printed(t, b, "a", "begun\n")
	r.end(executor.ErrDetached)
	b.tidy(t.Context())
	assert.Len(t, containersOf(t, b), 1, "its attempt is not settled")
	require.NoError(t, os.RemoveAll(filepath.Join(root, "session-of-a.1")))
	b.Close()
	b = newBackend(t, root)
	require.Eventually(t, func() bool { return len(containersOf(t, b)) == 0 }, patience, poll)
}

// ports is a network with one port.
func ports(port int, protocol, path string) map[string]any {
	return map[string]any{"network": map[string]any{"ports": []any{
		map[string]any{"internal": map[string]any{"port": port}, "protocol": protocol, "path": path, "access": true},
	}}}
}

func TestPortIsReportedAsAConnectorThatLeadsToIt(t *testing.T) {
	t.Parallel()
	for _, network := range []Network{NetworkOpen, NetworkInternal} {
		t.Run(string(network), func(t *testing.T) {
			b := newBackend(t, t.TempDir(), func(o *Options) { o.Network = network })
			require.NotEmpty(t, b.Origins())
			r := background(t, b, executortest.Despatch("a", executable(theImage(), ports(8080, "http", "lab"), "serve:8080")))
			c := r.connector(t)
			assert.Equal(t, "8080", c.Name)
			assert.Equal(t, despatch.ProtocolHTTP, c.Protocol)
			assert.Equal(t, "/lab", c.Path)
			var said string
			require.Eventually(t, func() bool {
				answer, err := http.Get(c.Origin + "/lab")
				if err != nil {
					return false // it doesn't listen yet
				}
				defer answer.Body.Close()
				text, _ := io.ReadAll(answer.Body)
				said = string(text)
				return true
			}, patience, poll)
			assert.Equal(t, "served", said)
			r.stop(t)
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestBackendWithoutConnectorsSaysSo(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir(), func(o *Options) { o.NoConnectors = true })
	assert.Empty(t, b.Origins())
	r := background(t, b, executortest.Despatch("a", executable(theImage(), ports(8080, "http", ""), "sleep:0.5")))
	r.wait.Wait()
	close(r.updates)
	var lines []string
	for u := range r.updates {
		assert.Nil(t, u.Connector)
		lines = append(lines, u.Message)
	}
	assert.Contains(t, lines, "no port of the container can be reached: its executor has no connectors")
}

func TestWithoutANetworkThereIsNone(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir(), func(o *Options) { o.Network = NetworkNone })
	assert.Empty(t, b.Origins())
	assert.Equal(t, "lo\n", content(t, perform(t, b, does("list:/sys/class/net")), "stdout"))
}

func TestEngineThatDoesNotAnswerIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), Options{Root: t.TempDir(), Host: "unix:///nowhere/docker.sock"})
	assert.ErrorContains(t, err, "reach the Docker engine at unix:///nowhere/docker.sock")
}
