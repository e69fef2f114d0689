package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const policyFile = `
dev: true
policy:
  rules:
    - {name: programs of ours, when: '"ska" in groups', then: allow}
    - {name: small, when: 'true', then: cap, cap: {cores: 2}}
    - {name: long, when: 'hours > 2', then: deny, message: "{user} may not run for {hours} hours"}
  quotas:
    - {for: user, sessions: 10}
`

// checked runs `policy check` against the policy above.
func checked(t *testing.T, args ...string) result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "starling.yaml")
	require.NoError(t, os.WriteFile(path, []byte(policyFile), 0o600))
	return starling(t, "http://127.0.0.1:1", append([]string{"policy", "check", "--config", path}, args...)...)
}

func TestAPolicyIsExplainedOffline(t *testing.T) {
	yes := checked(t, "--as", "alice", "--cores", "1:8", "--for", "1h", "--", "true")
	assert.Equal(t, 0, yes.status, yes.err)
	assert.Contains(t, yes.out, "YES at dev for alice: no rule forbids it\n  cores: 2 instead of 8 (rule small)\n")
	assert.Contains(t, yes.out, "programs of ours  allow  no match\nsmall             cap    match\n")
	assert.Contains(t, yes.out, "user alice  sessions     ?      1     10\n")
	assert.Contains(t, yes.err, "only a node knows")

	no := checked(t, "--as", "alice", "--for", "3h", "--", "true")
	assert.Equal(t, 1, no.status)
	assert.Contains(t, no.out, "NO at dev for alice: by long\n  alice may not run for 3 hours (rule long)\n")

	hers := checked(t, "--as", "alice", "--groups", "ska,ska/pulsars", "--for", "3h", "-o", "json", "--", "true")
	assert.Equal(t, 0, hers.status)
	assert.Contains(t, hers.out, `"rule": "programs of ours"`)
	for _, r := range []result{yes, no} {
		for line := range strings.SplitSeq(r.out, "\n") {
			assert.LessOrEqual(t, len(line), 80)
		}
	}
}

func TestAMistypedTimeIsAMistakeOfTheCommandLine(t *testing.T) {
	r := checked(t, "--at", "tonight", "--", "true")
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.err, `--at: "tonight" is no date and time`)
}

// A node is told for whom, and when; the proposal is then that of whom it is for.
func TestANodeIsAskedAboutItsPolicy(t *testing.T) {
	var asked *http.Request
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		_, _ = io.WriteString(w, `{"node":"kth","as":{"user":"bob"},"result":"NO","rule":"quota user *","messages":["too much\u001b[2J"],
			"offer":{"start":"2026-12-01T13:00:00Z","end":"2026-12-01T14:00:00Z","cores":1,"memory":1,"storage":0,"gpus":0,"price":{"monetary":0.5}},
			"quotas":[{"quota":"quota user *","for":"user","name":"bob","what":"sessions","used":3,"asked":1,"limit":3}]}`)
	}))
	t.Cleanup(node.Close)
	r := starling(t, node.URL, "policy", "check", "--as", "bob", "--groups", "ska,lofar", "--proposal", "P-7", "--at", "2026-12-01T13:00:00Z", "--", "true")
	assert.Equal(t, 1, r.status, r.err)
	assert.Equal(t, "at=2026-12-01T13%3A00%3A00Z&group=ska&group=lofar&proposal=P-7&user=bob", asked.URL.RawQuery)
	assert.Empty(t, asked.Header.Get("Starling-Proposal"))
	assert.Contains(t, r.out, "NO at kth for bob: by quota user *\n  too much")
	assert.Contains(t, r.out, "user bob  sessions     3      1      3  over\n")
	assert.NotContains(t, r.out, "\x1b")
}
