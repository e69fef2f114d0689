package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/launch"
)

// An executor in a page of Python, written from the protocol's documentation
// alone, does all that an executor does: that page is how long the protocol is.
func TestAnExecutorInAPageOfPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3, in which the example is written; .ci/run installs it")
	}
	binary := filepath.Join(t.TempDir(), "starling")
	out, err := exec.Command("go", "build", "-o", binary, "starling/cmd/starling").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for claim, test := range map[string]func(*testing.T, *node){
		"TakesExposures":             takesExposures,
		"StopsWhenItIsTold":          stopsWhenItIsTold,
		"OutlivesAKilledNode":        outlivesAKilledNode,
		"BeginsAgainWhenItWasKilled": beginsAgainWhenItWasKilled,
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			test(t, startNode(t, binary))
		})
	}
}

func takesExposures(t *testing.T, n *node) {
	n.startTelescope()
	session := n.accept("telescope.yaml")
	h := n.ending(session)
	assert.Equal(t, "COMPLETED", h.Phase)
	assert.Equal(t, "telescope", h.ExecutorName)
	require.Len(t, h.Exposures, 3)
	assert.Equal(t, "E3", h.Exposures[2].ID)
	assert.Equal(t, "3.fits", h.Exposures[2].Files[0].Name)
	assert.Len(t, h.Exposures[2].Files[0].SHA256, 64)
	assert.Contains(t, h.used(), "telescope-time")
	n.eventually("the next execution is booked", func() bool {
		shown := n.starling("sessions", session)
		return strings.Contains(shown, "WAITING") && strings.Contains(shown, "1 of 3 completed")
	})
}

func stopsWhenItIsTold(t *testing.T, n *node) {
	n.startTelescope()
	session := n.accept(longExposure(t))
	n.attempt(session, func(h history) bool { return h.Phase == "RUNNING" })
	n.starling("cancel", session)
	h := n.ending(session)
	assert.Equal(t, "ABANDONED", h.Phase)
	assert.Equal(t, "CANCELLED", h.Failure.Message)
}

// Promise 3: one record of one execution, though reports are sent again and again
// while the node is down.
func outlivesAKilledNode(t *testing.T, n *node) {
	n.startTelescope()
	session := n.accept("telescope.yaml")
	n.attempt(session, func(h history) bool { return len(h.Exposures) > 0 })
	n.Kill()
	n.start()
	h := n.ending(session)
	assert.Equal(t, "COMPLETED", h.Phase)
	assert.Len(t, h.Exposures, 3)
	assert.Equal(t, 1, h.Attempt)
}

// Work that an executor lost when it died is despatched again as soon as it is
// back: it registers and holds nothing.
func beginsAgainWhenItWasKilled(t *testing.T, n *node) {
	kill := n.startTelescope()
	session := n.accept("telescope.yaml")
	n.attempt(session, func(h history) bool { return h.Phase == "RUNNING" })
	kill()
	n.startTelescope()
	h := n.attempt(session, func(h history) bool { return h.Attempt == 2 && h.Phase == "COMPLETED" })
	assert.Len(t, h.Exposures, 3)
}

// longExposure is a request that nobody waits for.
func longExposure(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "long.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`executable:
  kind: urn:starling:executable:sequence-1.0
  actions: [{target: M31, seconds: 3600}]
schedule: {requested: {duration: PT2H}}
`), 0o600))
	return path
}

// node is the program as a site runs it, with no executor built in.
type node struct {
	*launch.Node
	t *testing.T
}

func startNode(t *testing.T, binary string) *node {
	t.Helper()
	n, err := launch.NewNode(binary, "lt", filepath.Join(t.TempDir(), "data"), "--executors", "", "--log-level", "error")
	require.NoError(t, err)
	t.Cleanup(n.Kill)
	started := &node{n, t}
	started.start()
	return started
}

// start starts the node and waits until it takes work.
func (n *node) start() {
	n.t.Helper()
	require.NoError(n.t, n.Start())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(n.t, n.Ready(ctx))
}

// startTelescope starts the executor, and returns what kills it.
func (n *node) startTelescope() (kill func()) {
	n.t.Helper()
	token := strings.TrimSpace(n.starling("token", "--user", "robot", "--roles", "executor", "--data", n.Data))
	telescope := &launch.Process{
		Program: "python3", Arguments: []string{"executor.py", n.URL}, Env: []string{"STARLING_TOKEN=" + token}, Log: n.Data + ".telescope.log",
	}
	require.NoError(n.t, telescope.Start())
	n.t.Cleanup(telescope.Kill)
	n.eventually("the telescope has registered", func() bool {
		resp, err := http.Get(n.URL + "/executors")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && bytes.Contains(body, []byte(`"telescope"`))
	})
	return telescope.Kill
}

// starling runs one command against the node and returns what it prints.
func (n *node) starling(args ...string) string {
	n.t.Helper()
	var out, problems bytes.Buffer
	command := exec.Command(n.Program, args...)
	command.Env = append(os.Environ(), "STARLING_NODE="+n.URL, "XDG_CONFIG_HOME="+n.Data)
	command.Stdout, command.Stderr = &out, &problems
	require.NoError(n.t, command.Run(), "starling %v: %s", args, &problems)
	return out.String()
}

// accept asks for what a file says, and accepts the best offer.
func (n *node) accept(file string) (session string) {
	n.t.Helper()
	var set struct {
		Offers []struct{ Meta struct{ UUID string } }
	}
	require.NoError(n.t, json.Unmarshal([]byte(n.starling("offers", "-f", file, "-o", "json")), &set))
	require.NotEmpty(n.t, set.Offers)
	n.starling("accept", set.Offers[0].Meta.UUID)
	return set.Offers[0].Meta.UUID
}

// history is what a history entry says.
type history struct {
	HistoryRef, Phase, ExecutorName string
	Attempt                         int
	Exposures                       []struct {
		ID    string
		Files []struct{ Name, SHA256 string }
	}
	Resources []struct{ Name string }
	Failure   struct{ Message string }
}

func (h history) used() (names []string) {
	for _, r := range h.Resources {
		names = append(names, r.Name)
	}
	return names
}

// attempt waits until the last attempt at a session is as wanted.
func (n *node) attempt(session string, wanted func(history) bool) (h history) {
	n.t.Helper()
	n.eventually("the attempt is as wanted", func() bool {
		var list struct{ History []history }
		require.NoError(n.t, json.Unmarshal([]byte(n.starling("history", "--session", session, "-o", "json")), &list))
		if len(list.History) == 0 {
			return false
		}
		h = history{}
		require.NoError(n.t, json.Unmarshal([]byte(n.starling("history", list.History[0].HistoryRef, "-o", "json")), &h))
		return wanted(h)
	})
	return h
}

// ending waits for the end of the only attempt at a session.
func (n *node) ending(session string) history {
	n.t.Helper()
	return n.attempt(session, func(h history) bool {
		return h.Phase == "COMPLETED" || h.Phase == "ABANDONED" || h.Phase == "FAILED"
	})
}

func (n *node) eventually(what string, condition func() bool) {
	n.t.Helper()
	require.Eventually(n.t, condition, time.Minute, 20*time.Millisecond, what)
}
