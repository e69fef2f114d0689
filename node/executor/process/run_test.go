//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
	"starling/node/executor/work"
)

// modes runs a test with and without a sandbox.
func modes(t *testing.T, test func(t *testing.T, b *Backend)) {
	t.Run("bare", func(t *testing.T) { test(t, newBackend(t, t.TempDir(), sandboxOff)) })
	t.Run("sandbox", func(t *testing.T) { test(t, newBackend(t, t.TempDir(), sandboxed(t))) })
}

// shell is a despatch of a shell script with volumes.
func shell(script string, volumes ...despatch.Volume) *despatch.Despatch {
	d := executortest.Despatch("a", command("/bin/sh", "-c", script))
	d.Sequence[0].Run.Volumes = volumes
	return d
}

// run performs a despatch to its end.
func run(t *testing.T, b *Backend, d *despatch.Despatch) despatch.Completion {
	t.Helper()
	done, err := b.Run(t.Context(), d, func(despatch.Update) {})
	require.NoError(t, err)
	return done
}

func files(done despatch.Completion) map[string]int64 {
	all := map[string]int64{}
	for _, f := range done.Files {
		all[f.Name] = f.Bytes
	}
	return all
}

// content reads a kept file by its location.
func content(t *testing.T, done despatch.Completion, name string) string {
	t.Helper()
	for _, f := range done.Files {
		if f.Name == name {
			bytes, err := os.ReadFile(strings.TrimPrefix(f.Location, "file://"))
			require.NoError(t, err)
			return string(bytes)
		}
	}
	t.Fatalf("no file %s in %v", name, done.Files)
	return ""
}

func TestFilesInWritableVolumesAreKeptAndNothingElse(t *testing.T) {
	modes(t, func(t *testing.T, b *Backend) {
		done := run(t, b, shell(`mkdir output/deep; echo result >output/deep/r.txt; echo scratch >scratch.txt; ln -s /etc/passwd output/link; mkfifo output/pipe; echo said`,
			despatch.Volume{Path: "/output", Mode: despatch.ReadWrite}))
		assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
		assert.Equal(t, map[string]int64{"stdout": 5, "stderr": 0, "output/deep/r.txt": 7}, files(done))
		for _, f := range done.Files {
			if f.Name == "output/deep/r.txt" {
				assert.Equal(t, "5656fafa00d4f294bcb606cf4f7d4fa877390e46f583e8b3c8744ace104a31d1", f.SHA256)
			}
		}
		assert.Equal(t, "result\n", content(t, done, "output/deep/r.txt"))
		assert.NoFileExists(t, filepath.Join(b.Root, "session-of-a.1", "work", "scratch.txt"))
	})
}

func TestWithoutWritableVolumesTheCurrentDirectoryIsTheOutput(t *testing.T) {
	modes(t, func(t *testing.T, b *Backend) {
		done := run(t, b, shell(`echo result >r.txt`, despatch.Volume{Path: "/input", Mode: despatch.ReadOnly}))
		assert.Equal(t, map[string]int64{"stdout": 0, "stderr": 0, "r.txt": 7}, files(done))
	})
}

func TestVolumesThatLeadOutsideAreRefused(t *testing.T) {
	b := newBackend(t, t.TempDir(), sandboxOff)
	done := run(t, b, shell("true", despatch.Volume{Path: "/../x", Mode: despatch.ReadWrite}))
	assert.Equal(t, executor.CodeUnsupported, done.Failure.Code)
}

func TestLinkedVolumeShowsNothingOfTheNode(t *testing.T) {
	secret := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(secret, "key"), []byte("k"), 0o600))
	b := newBackend(t, t.TempDir(), sandboxOff)
	done := run(t, b, shell(`rmdir output && ln -s `+secret+` output`, despatch.Volume{Path: "/output", Mode: despatch.ReadWrite}))
	assert.NotContains(t, files(done), "output/key")
}

func TestStagedDataIsReadOnlyAndGoneAfterwards(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "table")
	}))
	defer server.Close()
	modes(t, func(t *testing.T, b *Backend) {
		d := shell(`cat input/t.vot; echo x >>input/t.vot`, despatch.Volume{Path: "/input", Mode: despatch.ReadOnly})
		if b.sandbox != nil {
			d = shell(`cat /input/t.vot; echo x >>input/t.vot; echo y >>/input/new`, d.Sequence[0].Run.Volumes...)
		}
		d.Sequence = append([]despatch.Action{{ID: "stage", Kind: despatch.ActionStageData,
			Stage: &despatch.Stage{Location: server.URL + "/t.vot", Path: "/input", Mode: despatch.ReadOnly}}}, d.Sequence...)
		done := run(t, b, d)
		assert.Equal(t, "table", content(t, done, "stdout"))
		if b.sandbox != nil || os.Getuid() != 0 {
			assert.Equal(t, despatch.Failed, done.Outcome)
		}
		assert.Equal(t, despatch.Resource{Name: "bytes-staged", Amount: "5", Unit: "bytes"}, done.Resources[5])
		assert.NoFileExists(t, filepath.Join(b.Root, "session-of-a.1", "work", "input", "t.vot"))
		assert.Len(t, done.Files, 2)
	})
}

func TestDataThatCannotBeStagedFailsTheAttempt(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	b := newBackend(t, t.TempDir(), sandboxOff)
	d := shell("echo not run")
	d.Sequence = append([]despatch.Action{{ID: "stage", Kind: despatch.ActionStageData,
		Stage: &despatch.Stage{Location: server.URL + "/t?secret=1", Path: "/input"}}}, d.Sequence...)
	done := run(t, b, d)
	assert.Equal(t, executor.CodeStaging, done.Failure.Code)
	assert.False(t, done.Failure.Retry)
	assert.NotContains(t, done.Failure.Message, "secret")
	assert.Nil(t, done.ExitCode)
}

func TestEnvironmentIsCleanAndSaysWhereItRuns(t *testing.T) {
	t.Setenv("NODE_SECRET", "hidden")
	modes(t, func(t *testing.T, b *Backend) {
		d := executortest.Despatch("a", []byte(`{"kind":"`+Kind+`","command":["env"],"environment":{"MINE":7,"LANG":"xx","STARLING_CORES":"99","LD_DEBUG_OUTPUT":"quiet"}}`))
		got := map[string]string{}
		for line := range strings.Lines(content(t, run(t, b, d), "stdout")) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			got[name] = value
		}
		assert.Equal(t, "7", got["MINE"])
		assert.Equal(t, "xx", got["LANG"])
		assert.Equal(t, "2", got["STARLING_CORES"])
		assert.Equal(t, "session-of-a", got["STARLING_SESSION"])
		assert.NotContains(t, got, "NODE_SECRET")
		assert.Equal(t, "quiet", got["LD_DEBUG_OUTPUT"])
		if b.sandbox != nil {
			assert.NotContains(t, got, "STARLING_JOB")
		}
	})
}

func TestFailuresAreExplained(t *testing.T) {
	for name, c := range map[string]struct {
		argv    []string
		code    int
		message string
	}{
		"stderr":         {[]string{"sh", "-c", "echo first >&2; echo the last line >&2; exit 4"}, 4, "the last line"},
		"silent":         {[]string{"sh", "-c", "exit 5"}, 5, "exit status 5"},
		"signal":         {[]string{"sh", "-c", "kill -SEGV $$"}, 139, "SIGSEGV"},
		"not found":      {[]string{"no-such-program"}, 127, "no-such-program"},
		"not there":      {[]string{"/no/such"}, 127, "/no/such"},
		"not executable": {[]string{"/etc/passwd"}, 126, "/etc/passwd"},
		"file too large": {[]string{"sh", "-c", "exec dd if=/dev/zero of=big bs=1M seek=1100 count=1"}, executor.CodeSpace, "1 GiB"},
	} {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, b *Backend) {
				done := run(t, b, executortest.Despatch("a", command(c.argv...)))
				require.NotNil(t, done.Failure)
				assert.Equal(t, c.code, done.Failure.Code, done.Failure.Message)
				assert.Contains(t, done.Failure.Message, c.message)
			})
		})
	}
}

func TestWalltimeEndsAProgram(t *testing.T) {
	modes(t, func(t *testing.T, b *Backend) {
		d := shell("sleep 600")
		d.WalltimeSeconds = 0.2
		done := run(t, b, d)
		assert.Equal(t, executor.CodeWalltime, done.Failure.Code)
	})
}

// started waits until a script has written its pid to a file of its own.
func started(t *testing.T, b *Backend, name string) int {
	t.Helper()
	pid := 0
	require.Eventually(t, func() bool {
		content, _ := os.ReadFile(filepath.Join(b.Root, "session-of-a.1", "work", name))
		pid, _ = strconv.Atoi(strings.TrimSpace(string(content)))
		return pid > 0
	}, 30*time.Second, time.Millisecond)
	return pid
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// Promise 7: a cancelled session's work is really stopped, also what it has
// sent into the background, and what ignores that it is asked to end.
func TestPromise7StopEndsTheWholeTree(t *testing.T) {
	b := newBackend(t, t.TempDir(), func(o *Options) { sandboxOff(o); o.Grace = 50 * time.Millisecond })
	ctx, cancel := context.WithCancelCause(t.Context())
	var done despatch.Completion
	var wait sync.WaitGroup
	wait.Go(func() {
		done, _ = b.Run(ctx, shell(`trap "" TERM
			setsid sh -c 'trap "" TERM; echo $$ >daemon; while :; do sleep 1; done' &
			echo $$ >main; while :; do sleep 1; done`), func(despatch.Update) {})
	})
	daemon, main := started(t, b, "daemon"), started(t, b, "main")
	cancel(&executor.StopError{Stop: despatch.Stop{Reason: despatch.StopCancelled}})
	wait.Wait()
	assert.Equal(t, despatch.Abandoned, done.Outcome)
	assert.True(t, gone(daemon), "the daemon lives")
	assert.True(t, gone(main), "the program lives")
}

// A program that is stopped is asked first, and has its grace to put things in
// order.
func TestAStoppedProgramIsAskedBeforeItIsKilled(t *testing.T) {
	b := newBackend(t, t.TempDir(), func(o *Options) { sandboxOff(o); o.Grace = time.Minute })
	ctx, cancel := context.WithCancelCause(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		b.Run(ctx, shell(`trap "echo 1 >asked; exit" TERM
			echo $$ >main; while :; do sleep 0.05; done`), func(despatch.Update) {})
	})
	started(t, b, "main")
	cancel(&executor.StopError{Stop: despatch.Stop{Reason: despatch.StopCancelled}})
	wait.Wait()
	assert.FileExists(t, filepath.Join(b.Root, "session-of-a.1", "work", "asked"))
}

func TestWhatAProgramLeavesBehindIsEnded(t *testing.T) {
	b := newBackend(t, t.TempDir(), sandboxOff)
	done := run(t, b, shell(`env -i setsid sh -c 'echo $$ >daemon; exec sleep 600' >/dev/null 2>&1 & while ! test -s daemon; do sleep 0.01; done; cp daemon d.txt`))
	assert.Equal(t, despatch.Completed, done.Outcome)
	assert.True(t, gone(started(t, b, "daemon")))
}

func TestSandboxEndsWhatAProgramLeavesBehind(t *testing.T) {
	b := newBackend(t, t.TempDir(), sandboxed(t))
	mark := fmt.Sprint("6", os.Getpid(), ".25")
	run(t, b, shell(`setsid sleep `+mark+` >/dev/null 2>&1 & exit 0`))
	assert.NotContains(t, commandLines(t), mark)
}

// commandLines are those of all processes.
func commandLines(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range paths {
		content, _ := os.ReadFile(path)
		all.Write(content)
	}
	return all.String()
}

// Promise 8: nobody sees what is not theirs.
func TestPromise8SandboxShowsNothingOfTheNode(t *testing.T) {
	hidden := t.TempDir()
	b := newBackend(t, t.TempDir(), sandboxed(t))
	require.NoError(t, os.WriteFile(filepath.Join(b.Root, "other"), nil, 0o666))
	done := run(t, b, shell(`ls `+b.Root+` `+hidden+` /home /root; cat /etc/shadow; echo x >/usr/x; ls /tmp | wc -l; pwd; ps ax 2>/dev/null | grep -c shim; exit 0`))
	out := content(t, done, "stdout")
	assert.NotContains(t, out, "other")
	assert.NotContains(t, out, "root:")
	assert.Contains(t, out, "0\n/session\n")
	assert.NoFileExists(t, "/usr/x")
}

func TestUsageIsMeasured(t *testing.T) {
	modes(t, func(t *testing.T, b *Backend) {
		done := run(t, b, shell(`i=0; while test $i -lt 100000; do i=$((i+1)); done`))
		used := map[string]string{}
		for _, r := range done.Resources {
			used[r.Name] = string(r.Amount)
		}
		assert.NotEqual(t, "0.000000", used["cpu-seconds"])
		require.Len(t, done.Quality, 1)
		assert.NotZero(t, done.Quality[0].Value, "max-rss")
		assert.NotEqual(t, "0.000000", used["core-seconds"])
	})
}

func TestProgramThatTakesMoreStorageThanItHasBookedIsStopped(t *testing.T) {
	b := newBackend(t, t.TempDir(), sandboxOff)
	done := run(t, b, shell(`for n in 1 2 3; do fallocate -l 500M big.$n; done; exec sleep 600`))
	require.NotNil(t, done.Failure)
	assert.Equal(t, executor.CodeSpace, done.Failure.Code)
	assert.Contains(t, done.Failure.Message, "1 GiB of storage")
	assert.False(t, done.Failure.Retry)
}

func TestAdoptedAttemptRepeatsTheSameCompletion(t *testing.T) {
	root := t.TempDir()
	b := newBackend(t, root, sandboxOff)
	d := shell("echo result >r.txt; exit 3")
	first := run(t, b, d)
	b.Close()
	again := newBackend(t, root, sandboxOff)
	found, err := again.Adopt(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, first, run(t, again, found[0]), "or the node would refuse it as another")
	again.Settle(d)
	found, err = again.Adopt(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestProgramWhoseShimWasKilledIsLostAndMayBeRetried(t *testing.T) {
	b := newBackend(t, t.TempDir(), sandboxOff)
	var done despatch.Completion
	var wait sync.WaitGroup
	wait.Go(func() { done, _ = b.Run(t.Context(), shell("echo $$ >main; exec sleep 600"), func(despatch.Update) {}) })
	pid := started(t, b, "main")
	b.supervisor.mu.Lock()
	require.NoError(t, b.supervisor.link.child.Process.Kill())
	b.supervisor.mu.Unlock()
	wait.Wait()
	assert.Equal(t, executor.CodeLost, done.Failure.Code)
	assert.True(t, done.Failure.Retry)
	require.Eventually(t, func() bool { return gone(pid) }, 30*time.Second, time.Millisecond, "jobs die with their shim")
	next := shell("true")
	next.Session.UUID = "next"
	assert.Equal(t, despatch.Completed, run(t, b, next).Outcome, "a new shim is started")
}

func TestExecutablesAreChecked(t *testing.T) {
	for name, text := range map[string]string{
		"other kind": `{"kind":"x","command":["true"]}`,
		"no command": `{"kind":"` + Kind + `"}`,
		"empty":      `{"kind":"` + Kind + `","command":[""]}`,
		"zero byte":  `{"kind":"` + Kind + `","command":["a\u0000b"]}`,
		"bad name":   `{"kind":"` + Kind + `","command":["a"],"environment":{"A=B":"c"}}`,
		"object":     `{"kind":"` + Kind + `","command":[{}]}`,
		"too long":   `{"kind":"` + Kind + `","command":["` + strings.Repeat("x", 128<<10) + `"]}`,
	} {
		_, err := parse([]byte(text))
		assert.Error(t, err, name)
	}
	e, err := parse([]byte(`{"kind":"` + Kind + `","command":["sleep",60,1.5,true]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"sleep", "60", "1.5", "true"}, work.Strings(e.Command))
}
