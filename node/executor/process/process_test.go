//go:build linux

package process

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
	"starling/node/executor/shim"
	"starling/node/executor/stage"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "shim" {
		os.Exit(shim.Main(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "life" {
		os.Exit(live(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come, poll how often it looks.
const (
	patience = 30 * time.Second
	poll     = time.Millisecond
)

// newBackend is a backend that is closed with its test.
func newBackend(t testing.TB, root string, change ...func(*Options)) *Backend {
	t.Helper()
	o := Options{
		Root:   root,
		Shim:   shimCommand(t),
		Stager: stage.New(stage.Options{AllowPrivate: true, Tries: 1}),
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	b, err := New(o)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	t.Cleanup(o.Stager.Close)
	return b
}

// shimCommand is this test's own binary. Where it is built with the race
// detector, that would keep it from ending for a second.
func shimCommand(t testing.TB) []string {
	self, err := os.Executable()
	require.NoError(t, err)
	return []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", self, "shim"}
}

func sandboxOff(o *Options) { o.Sandbox = SandboxOff }

// sandboxed skips the test where bubblewrap isn't to be had.
func sandboxed(t testing.TB) func(*Options) {
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed")
	}
	return func(o *Options) { o.Sandbox = SandboxRequired }
}

func command(argv ...string) jsontext.Value {
	value, _ := json.Marshal(map[string]any{"kind": Kind, "command": argv})
	return value
}

func program(seconds float64, exit int) jsontext.Value {
	return command("/bin/sh", "-c", fmt.Sprintf("sleep %v; exit %d", seconds, exit))
}

func TestSuiteWithoutSandbox(t *testing.T) { suite(sandboxOff).Run(t) }

func TestSuiteInSandbox(t *testing.T) { suite(sandboxed(t)).Run(t) }

func suite(change func(*Options)) executortest.Suite {
	backends := map[string]*Backend{}
	return executortest.Suite{
		Backend: func(t testing.TB, dir string) executor.Backend {
			if old := backends[dir]; old != nil {
				old.Close() // the last life
			}
			backends[dir] = newBackend(t, dir+"/work", change)
			return backends[dir]
		},
		Program:  program,
		Outlives: true,
	}
}

// BenchmarkTrue is despatch to completion of /bin/true, against the test double
// of a node over an in-process transport.
func BenchmarkTrue(b *testing.B) {
	b.Run("bare", func(b *testing.B) { benchmark(b, sandboxOff) })
	b.Run("sandbox", func(b *testing.B) { benchmark(b, sandboxed(b)) })
}

func benchmark(b *testing.B, change func(*Options)) {
	node := executortest.NewNode()
	e, err := executor.New(executor.Options{
		Client:  &despatch.Client{Base: "http://node", HTTP: &http.Client{Transport: executortest.Transport{Handler: node}}},
		Backend: newBackend(b, b.TempDir(), change),
		Logger:  slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	b.ResetTimer()
	const atOnce = 8 // as many as are booked at a time
	for n := range b.N + atOnce {
		if n >= atOnce {
			node.Await(ctx, fmt.Sprint(n-atOnce), func(a *executortest.Attempt) bool { return a.Completion != nil })
		}
		if n < b.N {
			node.Enqueue(executortest.Despatch(fmt.Sprint(n), command("true")))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
	cancel()
	<-ended
}
