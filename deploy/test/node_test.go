package systemtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"starling/deploy/launch"
)

// binary is the program under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	if onlyListed() {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "starling-systemtest-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "starling")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// onlyListed reports whether the tests are only listed.
func onlyListed() bool {
	return slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.list") })
}

func build(path string) error {
	args := []string{"build", "-o", path}
	if raceDetector {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "starling/cmd/starling")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}

// prices are so high that no program, however short, is charged nothing.
const prices = `
tariff:
  rates:
    core-seconds: {price: 1, energy: 1, carbon: 1}
`

// capacity is what every node here has, unless its test says otherwise.
const capacity = "cores=8,memory=16,storage=100,gpus=0"

// Node is a broker in a process of its own, with a data directory that outlives
// the process.
type Node struct {
	*launch.Node
	t      *testing.T
	bearer string // what is asked with; a development node needs none
}

// start starts a development node with a data directory of its own; the flags
// come after the usual ones, and override them. When the test is over, the node
// is stopped and looked at: see autopsy.
func start(t *testing.T, flags ...string) *Node {
	t.Helper()
	n := newNode(t, filepath.Join(t.TempDir(), "data"), flags...)
	n.Start()
	return n
}

func newNode(t *testing.T, data string, flags ...string) *Node {
	t.Helper()
	config := data + ".yaml"
	require.NoError(t, os.WriteFile(config, []byte(prices), 0o600))
	flags = append([]string{"--capacity", capacity}, flags...)
	node, err := launch.NewNode(binary, "test", data, append(flags, "--config", config)...)
	require.NoError(t, err)
	n := &Node{Node: node, t: t}
	t.Cleanup(n.autopsy)
	return n
}

// Start starts the node's process and waits until it takes work.
func (n *Node) Start() {
	n.t.Helper()
	n.launch()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(n.t, n.Ready(ctx))
}

// launch starts the node's process and waits for nothing.
func (n *Node) launch() {
	n.t.Helper()
	require.NoError(n.t, n.Node.Start())
}

// Restart kills the node and starts it again.
func (n *Node) Restart() {
	n.t.Helper()
	n.Kill()
	n.Start()
}

// Stop ends the node as an operator would, and returns its exit status.
func (n *Node) Stop() int {
	n.t.Helper()
	assert.NoError(n.t, n.Node.Stop(patience))
	return n.Status()
}

// autopsy ends a test's node, and holds for every test: the node stops when it
// is told to, its ledger balances, it has logged neither race nor panic, and
// nothing of its data directory goes on running.
func (n *Node) autopsy() {
	t := n.t
	if n.Ended() == nil {
		return // it was never started
	}
	if n.Alive() {
		assert.Equal(t, 0, n.Stop(), "exit status of the node")
		out, err := exec.Command(binary, "debug", "audit", "--data", n.Data).CombinedOutput()
		assert.NoError(t, err, "%s", out)
	}
	var left []process
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if left = processesOf(n.Data); len(left) == 0 {
			break
		}
	}
	for _, p := range left {
		t.Errorf("left running: %d %s", p.pid, p.command)
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
	n.checkLogs()
	if t.Failed() {
		t.Logf("the node's log:\n%s", last(n.Said(), 200))
	}
}

func (n *Node) checkLogs() {
	shim, _ := os.ReadFile(filepath.Join(n.Data, "work", "shim.log"))
	for _, log := range []string{n.Said(), string(shim)} {
		for _, bad := range []string{"DATA RACE", "panic", "a request failed", "fatal error"} {
			if at := strings.Index(log, bad); at >= 0 {
				n.t.Errorf("the log says %q:\n%s", bad, log[at:min(len(log), at+2000)])
			}
		}
	}
}

// last returns the last lines of a text.
func last(text string, lines int) string {
	all := strings.Split(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// said is what a command line has printed, and its exit status.
type said struct {
	status   int
	out, err string
}

// starling runs one command line against the node, as a user would.
func (n *Node) starling(args ...string) said {
	n.t.Helper()
	return n.starlingIn("", args...)
}

// starlingIn does it with something on the standard input.
func (n *Node) starlingIn(in string, args ...string) said {
	n.t.Helper()
	env := []string{"STARLING_NODE=" + n.URL, "STARLING_CA=" + n.Trust, "STARLING_TOKEN=" + n.bearer, "COLUMNS=80", "XDG_CONFIG_HOME=" + filepath.Dir(n.Data)}
	return command(n.t, env, in, args...)
}

// command runs one command line that no node may be needed for.
func command(t *testing.T, env []string, in string, args ...string) said {
	t.Helper()
	var out, err bytes.Buffer
	command := exec.Command(binary, args...)
	command.Env = append(os.Environ(), env...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(in), &out, &err
	failed := command.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		t.Fatalf("starling %s: %v", strings.Join(args, " "), failed)
	}
	return said{command.ProcessState.ExitCode(), out.String(), err.String()}
}
