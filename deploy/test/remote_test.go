package systemtest

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// remote is an executor in a process of its own, which shares no directory with
// its node.
type remote struct {
	*launch.Process
	n    *Node
	data string
}

// lend starts a node without executors and an executor for it. The lease is so
// long that no machine is slow enough to lose it.
func lend(t *testing.T, flags ...string) (*Node, *remote) {
	n := start(t, "--executors", "")
	r := n.remote(n.URL, flags...)
	r.start()
	return n, r
}

// remote makes an executor that reaches the node by a URL.
func (n *Node) remote(url string, flags ...string) *remote {
	n.t.Helper()
	token := n.starling("token", "--user", "robot", "--roles", "executor", "--data", n.Data)
	require.Zero(n.t, token.status, token.err)
	data := filepath.Join(n.t.TempDir(), "remote")
	usual := []string{"executor", "--node", url, "--backend", "process", "--name", "remote", "--data", data, "--capacity", capacity, "--lease", "30m"}
	r := &remote{n: n, data: data, Process: &launch.Process{
		Program: binary, Arguments: append(usual, flags...), Log: data + ".log", Env: []string{"STARLING_TOKEN=" + strings.TrimSpace(token.out)},
	}}
	n.t.Cleanup(r.autopsy)
	return r
}

// start starts the executor and waits until the node knows that it is alive.
func (r *remote) start() {
	r.n.t.Helper()
	require.NoError(r.n.t, r.Start())
	eventually(r.n.t, "the executor to be registered", func() bool {
		var all struct{ Executors []struct{ Name string } }
		r.n.do("GET", "/executors", nil).into(r.n.t, &all)
		return len(all.Executors) > 0 || !r.Alive()
	})
	require.True(r.n.t, r.Alive(), "the executor has ended; it said:\n%s", r.Said())
}

// autopsy ends the executor, and holds for every test: it stops when it is told
// to, and has logged neither race nor panic.
func (r *remote) autopsy() {
	t := r.n.t
	if r.Alive() {
		assert.NoError(t, r.Stop(patience))
	}
	for _, bad := range []string{"DATA RACE", "panic", "fatal error"} {
		assert.NotContains(t, r.Said(), bad)
	}
	for _, p := range processesOf(r.data) {
		if !strings.Contains(p.command, "shim") {
			t.Errorf("left running: %d %s", p.pid, p.command)
		}
		kill(t, p.pid)
	}
	if t.Failed() {
		t.Logf("the executor's log:\n%s", last(r.Said(), 200))
	}
}

// printed is what a session has printed so far.
func (n *Node) printed(id string) string {
	n.t.Helper()
	a := n.do("GET", "/sessions/"+id+"/stdout", nil)
	require.Equal(n.t, http.StatusOK, a.Status, "%s", a.Body)
	return string(a.Body)
}

// talking is a gate's program that prints a line first.
func (g *gate) talking() []string {
	program := g.program()
	program[2] = "echo hello; mkdir -p 'a b'; echo 1 > 'a b/c.txt'; " + program[2]
	return program
}

// What a session on another machine prints is read at the node while it runs,
// and so is what it has written, after the end.
func TestARemoteSessionIsReadAtTheNode(t *testing.T) {
	t.Parallel()
	n, _ := lend(t)
	g := newGate(t)
	id := n.accept(work{command: g.talking()})
	g.began(1)
	n.await(id, "RUNNING")
	eventually(t, "its output to arrive", func() bool { return n.printed(id) == "hello\n" })
	g.Open()
	a := n.ranOnce(id, "COMPLETED")
	assert.Equal(t, "COMPLETED", a.Phase)
	assert.Equal(t, "hello\n", n.printed(id))
	assert.Equal(t, "done\n", n.file(id, "result.txt"))
	assert.Equal(t, "1\n", n.file(id, "a%20b/c.txt"))
	n.Restart()
	assert.Equal(t, "done\n", n.file(id, "result.txt"), "it is kept")
}

// Promises 2 and 3: kill -9 of either at any step, and a line that is cut, lose
// no report and double none.
func TestPromise3RemoteWorkIsRecordedOnceWhoeverIsKilled(t *testing.T) {
	for name, disturb := range map[string]func(t *testing.T, n *Node, r *remote, g *gate, l *line){
		"the executor while it runs": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			r.Kill()
			assert.Equal(t, 1, g.waiting(), "the program goes on")
			r.start()
		},
		"the executor, and the program ends meanwhile": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			r.Kill()
			g.Open()
			eventually(t, "the program to end", func() bool { return g.waiting() == 0 })
			r.start()
		},
		"the node while it runs": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			n.Restart()
		},
		"the node, and the program ends meanwhile": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			n.Kill()
			g.Open()
			eventually(t, "the program to end", func() bool { return g.waiting() == 0 })
			n.Start()
		},
		"both": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			n.Kill()
			r.Kill()
			g.Open()
			eventually(t, "the program to end", func() bool { return g.waiting() == 0 })
			require.NoError(t, r.Start())
			n.Start()
		},
		"the line, and the program ends meanwhile": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			l.cut()
			g.Open()
			eventually(t, "the program to end", func() bool { return g.waiting() == 0 })
			eventually(t, "the executor to notice", func() bool { return l.refused() >= 3 })
			l.mend()
		},
		"the executor by SIGTERM": func(t *testing.T, n *Node, r *remote, g *gate, l *line) {
			require.NoError(t, r.Stop(patience))
			assert.Equal(t, 1, g.waiting(), "the program goes on")
			r.start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, g := start(t, "--executors", ""), newGate(t)
			l := newLine(t, n.Address)
			r := n.remote("http://" + l.address())
			r.start()
			id := n.accept(work{command: g.talking()})
			g.began(1)
			n.await(id, "RUNNING")
			disturb(t, n, r, g, l)
			g.Open()
			a := n.ranOnce(id, "COMPLETED")
			assert.Equal(t, 1, a.Attempt)
			assert.Equal(t, 1, g.count("began"), "how often the program began")
			assert.Equal(t, 1, g.count("ended"), "how often the program ended")
			assert.Equal(t, "hello\n", n.printed(id))
			assert.Equal(t, "done\n", n.file(id, "result.txt"))
		})
	}
}

// Promise 7, from afar.
func TestPromise7CancelStopsRemoteWork(t *testing.T) {
	t.Parallel()
	n, _ := lend(t)
	word := fmt.Sprintf("starling-test-remote-%d", time.Now().UnixNano())
	id := n.accept(work{command: stubborn(word)})
	isUp(t, word)
	n.await(id, "RUNNING")
	require.Equal(t, 200, n.setPhase(id, "CANCELLED").Status)
	answered := time.Now()
	eventually(t, "all processes to be gone", func() bool { return len(processesWith(word)) == 0 })
	took := time.Since(answered)
	t.Logf("gone %v after the answer", took)
	assert.Less(t, took, 2*time.Second, "as the issue has it")
	assert.Equal(t, "ABANDONED", n.ranOnce(id, "CANCELLED").Phase)
	assert.Equal(t, "up\n", n.file(id, "up.txt"), "what it had written is kept")
}

func TestAnExecutorThatFinishesTakesNoMoreAndEndsWhenItsWorkIsDone(t *testing.T) {
	t.Parallel()
	n, r := lend(t, "--finish")
	g := newGate(t)
	id := n.accept(work{command: g.program()})
	g.began(1)
	stopped := make(chan error)
	go func() { stopped <- r.Stop(patience) }()
	eventually(t, "the executor to have heard", func() bool { return strings.Contains(r.Said(), "no more work is taken") })
	later := n.accept(work{command: g.program()})
	g.Open()
	require.NoError(t, <-stopped)
	n.await(id, "COMPLETED")
	assert.Equal(t, 1, g.count("began"))
	r.start()
	n.await(later, "COMPLETED")
}

// Mistakes are told before anything begins.
func TestAnExecutorThatCannotBeginSaysWhy(t *testing.T) {
	t.Parallel()
	n, r := lend(t)
	for want, flags := range map[string][]string{
		"another executor works in":                      {"--backend", "process", "--data", r.data},
		"is no backend":                                  {"--backend", "podman"},
		"can read a command line":                        {"--backend", "process", "--token", "secret"},
		"is not a time in which to work":                 {"--backend", "process", "--window", "2026-12-02T00:00:00Z/2026-12-01T00:00:00Z"},
		"is none of this backend's":                      {"--backend", "simulator", "--kinds", "podman"},
		"unknown key":                                    {"--backend", "process", "--set", "executor.proces.bubblewrap=never"},
		"is not the URL of a node":                       {"--backend", "process", "--node", "localhost"},
		"required flag(s) \"backend\" not set":           {},
		"want a second or more":                          {"--backend", "process", "--lease", "1ms"},
		"capacity.cores: \"many\" is not a whole number": {"--backend", "process", "--capacity", "cores=many"},
	} {
		out, err := exec.Command(binary, append([]string{"executor", "--node", n.URL, "--data", filepath.Join(t.TempDir(), "x")}, flags...)...).CombinedOutput()
		assert.Error(t, err, want)
		assert.Contains(t, string(out), want)
		assert.NotContains(t, string(out), "secret")
	}
}
