//go:build linux

package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor/stage"
)

// patient is a program that ends when it finds a file.
func patient() *despatch.Despatch {
	return shell(`echo $$ >main; while ! test -e go; do sleep 0.01; done; echo result >r.txt; exit 3`)
}

// live is a life of a broker, in a process of its own, that is going to be
// killed: see TestMain.
func live(root string) int {
	b, err := New(Options{Root: root, Shim: []string{"/proc/self/exe", "shim"}, Stager: stage.New(stage.Options{}),
		Sandbox: Sandbox(os.Getenv("SANDBOX")), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	b.Run(context.Background(), patient(), func(despatch.Update) {})
	return 0
}

// Promise 2: what was accepted survives kill -9 of the node. The work goes on
// under the shim, and the next life reports how it ended.
func TestPromise2WorkOutlivesAKilledBroker(t *testing.T) {
	for _, ends := range []string{"after the next life has begun", "while nobody is there"} {
		t.Run(ends, func(t *testing.T) {
			root := t.TempDir()
			broker := exec.Command("/proc/self/exe", "life", root)
			broker.Env = append(os.Environ(), "SANDBOX=off")
			broker.Stderr = os.Stderr
			require.NoError(t, broker.Start())
			pid := started(t, &Backend{Options: Options{Root: root}}, "main")
			require.NoError(t, broker.Process.Kill())
			broker.Wait()
			let := func() {
				require.NoError(t, os.WriteFile(filepath.Join(root, "session-of-a.1", "work", "go"), nil, 0o600))
			}
			if ends == "while nobody is there" {
				let()
				require.Eventually(t, func() bool { return gone(pid) }, patience, poll)
			}

			b := newBackend(t, root, sandboxOff)
			found, err := b.Adopt(t.Context())
			require.NoError(t, err)
			require.Len(t, found, 1)
			if ends != "while nobody is there" {
				_, err = b.supervisor.find("elsewhere") // connects
				require.NoError(t, err)
				let()
			}
			done := run(t, b, found[0])
			require.NotNil(t, done.ExitCode, "%+v", done.Failure)
			assert.Equal(t, 3, *done.ExitCode)
			assert.Contains(t, files(done), "r.txt")
		})
	}
}
