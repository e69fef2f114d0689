package executor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// courier runs an executor whose files the node can't read.
func courier(t *testing.T, node http.Handler, b executor.Backend) {
	t.Helper()
	e, err := executor.New(executor.Options{
		Client:  &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: executortest.Transport{Handler: node}}},
		Backend: b, Logger: slog.New(slog.DiscardHandler), SendFiles: true,
		Timing: executor.Timing{MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond},
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

// written is a file on this machine, and how it is listed.
func written(t testing.TB, name, role, text string) despatch.File {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	sum := sha256.Sum256([]byte(text))
	return despatch.File{Name: name, Role: role, Location: "file://" + path, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
}

// flaky loses the first request to send a file half way, and the answers to the
// next two.
type flaky struct {
	http.Handler
	mu   sync.Mutex
	seen map[string]int
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen[r.URL.Path]++
	n := f.seen[r.URL.Path]
	f.mu.Unlock()
	if r.Method != http.MethodPut || n > 3 {
		f.Handler.ServeHTTP(w, r)
		return
	}
	if n == 1 {
		r.Body = http.MaxBytesReader(w, r.Body, r.ContentLength/2)
	}
	f.Handler.ServeHTTP(w, r)
	panic(http.ErrAbortHandler)
}

func TestFilesArriveWholeOverABadLine(t *testing.T) {
	node := executortest.NewNode()
	texts := map[string]string{
		"stdout:stdout": "said\n", "output:empty": "", "output:a/b c%.fits": "small", "output:big": strings.Repeat("0123456789abcdef", 9<<16),
	}
	courier(t, &flaky{Handler: node, seen: map[string]int{}}, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		done := despatch.Completion{Outcome: despatch.Completed}
		for at, text := range texts {
			role, name, _ := strings.Cut(at, ":")
			done.Files = append(done.Files, written(t, name, role, text))
		}
		done.Files = append(done.Files, despatch.File{Name: "elsewhere", Location: "s3://bucket/x"})
		return done, nil
	}))
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Equal(t, despatch.Completed, a.Completion.Outcome)
	for at, text := range texts {
		assert.True(t, text == a.Files[at], "%s: %d bytes", at, len(a.Files[at]))
	}
	require.Len(t, a.Completion.Files, 5)
	for _, f := range a.Completion.Files {
		assert.NotContains(t, f.Location, "file:")
	}
}

func TestWhatAProgramPrintsArrivesWhileItRuns(t *testing.T) {
	node := executortest.NewNode()
	said := func(text string) func(*executortest.Attempt) bool {
		return func(a *executortest.Attempt) bool { return a.Files["stdout:stdout"] == text }
	}
	courier(t, node, backend(func(ctx context.Context, r executor.Reporter) (despatch.Completion, error) {
		f := written(t, "stdout", despatch.RoleStdout, "one\n")
		path := strings.TrimPrefix(f.Location, "file://")
		open := f
		open.SHA256 = ""
		r.File("run", open)
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if !node.Await(ctx, "a", said("one\n")) {
			return executor.Failure(1, "nothing arrived", false), nil
		}
		if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
			return despatch.Completion{}, err
		}
		if !node.Await(ctx, "a", said("one\ntwo\n")) {
			return executor.Failure(1, "the rest didn't arrive", false), nil
		}
		return despatch.Completion{Outcome: despatch.Completed}, nil
	}))
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Equal(t, despatch.Completed, a.Completion.Outcome, "%+v", a.Completion.Failure)
	for _, u := range a.Updates {
		if u.File != nil {
			assert.Empty(t, u.File.Location)
		}
	}
}

// tooMuch is a node that keeps no files.
type tooMuch struct{ http.Handler }

func (n tooMuch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	n.Handler.ServeHTTP(w, r)
}

// Nobody is told that all is well when files were left behind.
func TestFilesThatTheNodeDoesNotTakeMakeItPartial(t *testing.T) {
	node := executortest.NewNode()
	courier(t, tooMuch{node}, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		return despatch.Completion{Outcome: despatch.Completed, Files: []despatch.File{written(t, "big", "", "text")}}, nil
	}))
	node.Enqueue(executortest.Despatch("a", nil))
	a := completed(t, node)
	assert.Equal(t, despatch.Partial, a.Completion.Outcome)
	require.NotEmpty(t, a.Updates)
	assert.Contains(t, a.Updates[len(a.Updates)-1].Message, "big could not be sent to the node")
}

// A file that changes under its checksum is sent anew once, and then given up.
func TestAFileThatIsNotWhatWasSaidIsGivenUp(t *testing.T) {
	node := executortest.NewNode()
	courier(t, node, backend(func(context.Context, executor.Reporter) (despatch.Completion, error) {
		f := written(t, "a", "", "text")
		f.SHA256 = strings.Repeat("0", 64)
		return despatch.Completion{Outcome: despatch.Completed, Files: []despatch.File{f}}, nil
	}))
	node.Enqueue(executortest.Despatch("a", nil))
	assert.Equal(t, despatch.Partial, completed(t, node).Completion.Outcome)
	assert.Equal(t, 2, node.Requests("a"))
}
