package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// log is a machine of two processors and two jobs of 100 s, of which the second waits for the first.
const log = `; MaxProcs: 2
1 0 -1 100 2 -1 -1 2 100 -1 1 1 1 -1 -1 -1 -1 -1
2 0 -1 100 1 -1 -1 1 100 -1 1 1 1 -1 -1 -1 -1 -1
`

func run(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := root()
	var out bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func TestReplayPrintsJSONForPrograms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "two.swf")
	require.NoError(t, os.WriteFile(file, []byte(log), 0o600))
	out, err := run(t, "", "replay", "--policy", "conservative", "--cpus", "allocated", "--trace", file, "-o", "json")
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Positive(t, got["elapsed"])
	delete(got, "elapsed")
	assert.Equal(t, map[string]any{
		"trace": file, "policy": "conservative", "cpus": "allocated", "procs": 2.0, "jobs": 2.0, "skipped": 0.0,
		"meanWait": 50.0, "maxWait": 100.0, "meanBoundedSlowdown": 1.5, "makespan": 200.0, "utilisation": 0.75,
	}, got)
}

func TestReplayPrintsATableForPeople(t *testing.T) {
	out, err := run(t, log, "replay", "--trace", "-", "--procs", "3")
	require.NoError(t, err)
	assert.Contains(t, out, "processors            3 (requested)\n")
	assert.Contains(t, out, "mean wait             0.000 s\n")
}

func TestReplaySaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{"no log named", "", nil, `required flag(s) "trace" not set`},
		{"no such file", "", []string{"--trace", "/nowhere.swf"}, "open /nowhere.swf: no such file or directory"},
		{"a folder", "", []string{"--trace", "/"}, "is a directory"},
		{"unknown policy", log, []string{"--trace", "-", "--policy", "lifo"}, `unknown policy "lifo"`},
		{"unknown output", log, []string{"--trace", "-", "-o", "xml"}, `unknown output "xml": json or table`},
		{"garbage", log + "x\n", []string{"--trace", "-"}, `-: read log: line 4: field 1: "x" is not a number`},
		{"too small a machine", log, []string{"--trace", "-", "--procs", "1"}, "line 2: job 1 needs 2 processors, the machine has 1"},
		{"no machine at all", log, []string{"--trace", "-", "--procs", "-1"}, "-1 processors"},
		{"a stray argument", log, []string{"--trace", "-", "more"}, `unknown command "more"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := run(t, c.stdin, append([]string{"replay"}, c.args...)...)
			assert.ErrorContains(t, err, c.want)
		})
	}
}
