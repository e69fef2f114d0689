package docker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/node/executor"
	"starling/node/executor/executortest"
)

// perform performs a despatch to its end.
func perform(t *testing.T, b *Backend, d *despatch.Despatch) despatch.Completion {
	t.Helper()
	done, err := b.Run(t.Context(), d, func(despatch.Update) {})
	require.NoError(t, err)
	return done
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
	t.Fatalf("no file %s in %+v; %+v", name, done.Files, done.Failure)
	return ""
}

func TestFilesInWritableVolumesAreKept(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	d := with(does("write:/output/r.txt:result", "write:/tmp/scratch:gone", "print:said", "error:warned"),
		despatch.Volume{Path: "/output", Mode: despatch.ReadWrite})
	done := perform(t, b, d)
	require.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
	require.NotNil(t, done.ExitCode)
	assert.Zero(t, *done.ExitCode)
	assert.Equal(t, "said\n", content(t, done, "stdout"))
	assert.Equal(t, "warned\n", content(t, done, "stderr"))
	assert.Equal(t, "result", content(t, done, "output/r.txt"))
	require.Len(t, done.Files, 3)
	assert.Equal(t, "f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68", done.Files[2].SHA256)
}

func TestStagedDataCanBeReadAndNotWritten(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "table") }))
	defer server.Close()
	d := with(does("read:/input/t.vot", "cannot:/input/t.vot", "cannot:/input/new"), despatch.Volume{Path: "/input", Mode: despatch.ReadOnly})
	d.Sequence = append([]despatch.Action{{ID: "stage", Kind: despatch.ActionStageData,
		Stage: &despatch.Stage{Location: server.URL + "/t.vot", Path: "/input", Mode: despatch.ReadOnly}}}, d.Sequence...)
	done := perform(t, b, d)
	assert.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
	assert.Equal(t, "table", content(t, done, "stdout"))
	assert.Len(t, done.Files, 2, "what was staged is no output")
	assert.NoFileExists(t, filepath.Join(b.Root, "session-of-a.1", "work", "input", "t.vot"))
}

func TestEveryByteThatIsPrintedIsKept(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	done := perform(t, b, does("bytes:2000", "sleep:0.3", "bytes:2000"))
	all := make([]byte, 256)
	for n := range all {
		all[n] = byte(n)
	}
	assert.Equal(t, strings.Repeat(string(all), 4000), content(t, done, "stdout"))
	assert.Equal(t, strings.Repeat(string(all[128:]), 4000), content(t, done, "stderr"))
}

func TestFailuresAreExplained(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	for name, c := range map[string]struct {
		more    map[string]any
		command []string
		code    int
		message string
	}{
		"stderr":    {nil, []string{"error:the last line", "exit:4"}, 4, "the last line"},
		"silent":    {nil, []string{"exit:5"}, 5, "exit status 5"},
		"not-there": {map[string]any{"entrypoint": "/no/such"}, nil, 127, "/no/such"},
		"directory": {map[string]any{"entrypoint": "/tmp"}, nil, 126, "/tmp"},
		"memory":    {nil, []string{"memory:1100"}, 137, "more than the 1 GiB that are booked"},
	} {
		t.Run(name, func(t *testing.T) {
			done := perform(t, b, executortest.Despatch(name, executable(theImage(), c.more, c.command...)))
			require.NotNil(t, done.Failure)
			assert.Equal(t, despatch.Failed, done.Outcome)
			assert.Equal(t, c.code, done.Failure.Code, done.Failure.Message)
			assert.Contains(t, done.Failure.Message, c.message)
			assert.False(t, done.Failure.Retry)
		})
	}
}

func TestEnvironmentCommandAndEntrypointAreTheUsers(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	image := imageOf(t, "env", "ENV OF_IMAGE=yes OMP_NUM_THREADS=1", `CMD ["print:by default"]`)
	d := executortest.Despatch("a", executable(image, map[string]any{
		"entrypoint": "/program", "environment": map[string]any{"MINE": 7, "STARLING_CORES": "99"},
	}, "environment"))
	out := content(t, perform(t, b, d), "stdout")
	for _, want := range []string{"MINE=7\n", "STARLING_CORES=2\n", "STARLING_SESSION=session-of-a\n", "OF_IMAGE=yes\n", "OMP_NUM_THREADS=1\n"} {
		assert.Contains(t, out, want)
	}
	d = executortest.Despatch("b", executable(image, nil))
	assert.Equal(t, "by default\n", content(t, perform(t, b, d), "stdout"))
}

func TestContainersAreConfined(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir(), func(o *Options) { o.Processes = 40 })
	out := content(t, perform(t, b, does("read:/proc/self/status", "list:/", "fork:60", "cannot:/proc/sysrq-trigger", "cannot:/sys/x")), "stdout")
	for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "no more:"} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "docker.sock")
}

func TestLimitsAreThoseThatAreBooked(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	attempt, err := b.Attempt(does(), nil)
	require.NoError(t, err)
	j := &job{Backend: b, Attempt: attempt}
	b.engine.info.NCPU = 8
	attempt.Despatch.Resources = despatch.Capacity{Cores: 3, Memory: 5, Storage: 7}
	limits := j.confinement(&picture{})
	assert.Equal(t, int64(3e9), limits.NanoCPUs)
	assert.Equal(t, int64(5<<30), limits.Memory)
	assert.Equal(t, limits.Memory, limits.MemorySwap, "no swap")
	assert.Equal(t, int64(4096), *limits.PidsLimit)
	assert.False(t, limits.Privileged)
	attempt.Despatch.Resources.Cores = 16
	assert.Equal(t, int64(8e9), j.confinement(&picture{}).NanoCPUs, "the engine refuses more cores than the machine has")
	require.NoError(t, attempt.Dir.Remove())
}

func TestContainersCannotTalkToEachOther(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	server := background(t, b, executortest.Despatch("server", executable(theImage(), ports(8080, "TCP", ""), "serve:8080")))
	origin := strings.TrimPrefix(server.connector(t).Origin, "tcp://")
	done := perform(t, b, does("dial:"+origin))
	assert.Equal(t, despatch.Failed, done.Outcome, "it was reached")
	server.stop(t)
}

func TestImagesOwnVolumesAreMeasuredAndRemoved(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	image := imageOf(t, "volume", "VOLUME /cache")
	done := perform(t, b, executortest.Despatch("a", executable(image, nil, "read:/cache/filled", "write:/cache/more:x")))
	assert.Equal(t, "full", content(t, done, "stdout"), "%+v", done.Failure)
	done = perform(t, b, executortest.Despatch("b", executable(image, nil, "allocate:/cache/big:1100", "sleep:600")))
	require.NotNil(t, done.Failure)
	assert.Equal(t, executor.CodeSpace, done.Failure.Code)
	entries, err := os.ReadDir(filepath.Join(b.Root, "session-of-a.1", "tmp"))
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestSessionThatTakesMoreStorageThanItHasBookedIsStopped(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	for name, path := range map[string]string{"volume": "/output/big", "own": "/big"} {
		t.Run(name, func(t *testing.T) {
			d := with(executortest.Despatch(name, executable(theImage(), nil, "allocate:"+path+":1100", "sleep:600")), despatch.Volume{Path: "/output", Mode: despatch.ReadWrite})
			done := perform(t, b, d)
			require.NotNil(t, done.Failure)
			assert.Equal(t, executor.CodeSpace, done.Failure.Code, done.Failure.Message)
			assert.Contains(t, done.Failure.Message, "of the 1 GiB of storage")
			assert.False(t, done.Failure.Retry)
		})
	}
}

func TestWalltimeEndsAContainer(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	d := does("sleep:600")
	d.WalltimeSeconds = 0.5
	done := perform(t, b, d)
	assert.Equal(t, executor.CodeWalltime, done.Failure.Code, done.Failure.Message)
}

func TestContainersRunAsWhomTheImageSays(t *testing.T) {
	t.Parallel()
	b := newBackend(t, t.TempDir())
	d := with(executortest.Despatch("a", executable(imageOf(t, "user", "USER 12345"), nil, "write:/output/r.txt:mine", "read:/proc/self/status")),
		despatch.Volume{Path: "/output", Mode: despatch.ReadWrite})
	done := perform(t, b, d)
	require.Equal(t, despatch.Completed, done.Outcome, "%+v", done.Failure)
	if os.Getuid() == 0 {
		assert.Contains(t, content(t, done, "stdout"), "Uid:\t12345")
	}
	assert.Equal(t, "mine", content(t, done, "output/r.txt"))
}
