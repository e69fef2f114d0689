package systemtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// The command line, from an offer to the bill, against a real node.
func TestTheCommandLineFromOfferToStatement(t *testing.T) {
	t.Parallel()
	n := start(t)
	dir := t.TempDir()
	well := func(got said) said {
		t.Helper()
		assert.Zero(t, got.status, got.err)
		return got
	}
	table := func(got said) said {
		t.Helper()
		for line := range strings.Lines(got.out) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), 80, line)
		}
		return well(got)
	}

	// A command, without a file.
	got := well(n.starling("run", "--", "bash", "-c", "echo to-out; echo to-err >&2; echo content > made.txt"))
	assert.Equal(t, "to-out\n", got.out)
	assert.Contains(t, got.err, "COMPLETED")
	id := uuidPattern.FindString(regexp.MustCompile(`accepted (\S+)`).FindString(got.err))
	require.NotEmpty(t, id, got.err)

	// What it left.
	assert.Equal(t, "to-out\n", n.starling("logs", id).out)
	assert.Equal(t, "to-err\n", n.starling("logs", "--stderr", id).out)
	assert.Contains(t, table(n.starling("files", id)).out, "made.txt")
	table(n.starling("files", id, "--all", "-d", dir))
	content, err := os.ReadFile(filepath.Join(dir, "made.txt"))
	require.NoError(t, err)
	assert.Equal(t, "content\n", string(content))
	assert.Contains(t, table(n.starling("sessions")).out, id)
	assert.Contains(t, well(n.starling("sessions", id)).out, "COMPLETED")
	history := table(n.starling("history")).out
	assert.Contains(t, history, "COMPLETED")
	assert.Contains(t, well(n.starling("history", uuidPattern.FindString(history))).out, id)
	assert.Contains(t, table(n.starling("accounts")).out, "core-seconds")
	assert.Contains(t, table(n.starling("statement")).out, "monetary")
	assert.Contains(t, n.starling("-o", "json", "sessions", id).out, `"phase"`)

	// Step by step.
	got = table(n.starling("offers", "--for", "1m", "--", "sleep", "1000"))
	offer := uuidPattern.FindString(got.out)
	table(n.starling("reject", offer))
	got = n.starling("accept", offer)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "REJECTED")
	offer = uuidPattern.FindString(table(n.starling("offers", "--for", "1m", "--", "sleep", "1000")).out)
	table(n.starling("accept", offer))
	n.await(offer, "RUNNING")
	table(n.starling("cancel", offer))
	got = n.starling("watch", offer)
	assert.Equal(t, 1, got.status, "a session that was cancelled")
	assert.Contains(t, got.err, "CANCELLED")
	assert.Equal(t, 1, n.starling("cancel", offer).status, "twice")

	// A program that fails, and a NO.
	got = n.starling("run", "--", "bash", "-c", "exit 3")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "FAILED")
	got = n.starling("run", "--cores", "512", "--", "true")
	assert.Equal(t, 1, got.status)
	assert.Empty(t, got.out)
	assert.Contains(t, got.err, "NO: ")
	assert.Contains(t, got.err, "512")

	// As somebody else.
	token := strings.TrimSpace(well(n.starlingToken()).out)
	got = n.starling("--token", token, "sessions", id)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "isn't yours")

	// Bad input: 2 for the command line, 1 for what the node refuses.
	broken := filepath.Join(dir, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("executable: ["), 0o600))
	for status, lines := range map[int][][]string{
		2: {{"frobnicate"}, {"run"}, {"run", "--cores", "many", "--", "true"}, {"watch"}, {"cancel"}, {"sessions", "--phase"}, {"-o", "xml", "sessions"}, {"token"}},
		1: {{"run", "-f", broken}, {"run", "-f", filepath.Join(dir, "none.yaml")}, {"watch", "01a204e1-1a02-8000-8001-e3b98a4da31a"},
			{"--node", "http://127.0.0.1:1", "sessions"}, {"--token", "forged", "sessions"}, {"sessions", "--phase", "TIRED"},
			{"debug", "audit", "--data", filepath.Join(dir, "none")}, {"debug", "sessions", "--data", n.Data}},
	} {
		for _, line := range lines {
			got := n.starling(line...)
			assert.Equal(t, status, got.status, "starling %s: %s", strings.Join(line, " "), got.err)
			assert.True(t, strings.HasPrefix(got.err, "starling: "), "starling %s: %s", strings.Join(line, " "), got.err)
			assert.Empty(t, got.out, "starling %s", strings.Join(line, " "))
		}
	}
	well(n.starling("config"))

	// The node's own files, when it is down.
	require.Zero(t, n.Stop())
	assert.Equal(t, "the ledger balances\n", n.starling("debug", "audit", "--data", n.Data).out)
	assert.Contains(t, table(n.starling("debug", "sessions", "--data", n.Data)).out, id)
	assert.Contains(t, n.starling("debug", "session", id, "--data", n.Data).out, "COMPLETED")
	assert.Contains(t, table(n.starling("debug", "history", "--data", n.Data)).out, "COMPLETED")
}

func (n *Node) starlingToken() said { return n.starling("token", "--user", "bob", "--data", n.Data) }
