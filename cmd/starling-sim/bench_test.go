package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBenchPrintsFiguresForPrograms(t *testing.T) {
	out, err := output(t, "bench", "--only", "replay", "--trace", writeLog(t), "-o", "json")
	require.NoError(t, err)
	var got struct {
		Machine map[string]any
		Figures []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	assert.Positive(t, got.Machine["fsync"])
	require.Len(t, got.Figures, 2)
	assert.Equal(t, "replay of KTH-SP2", got.Figures[1]["name"])
	assert.Equal(t, 1.0, got.Figures[1]["target"])
	assert.Equal(t, "s", got.Figures[1]["unit"])
}

func TestBenchSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--only tea", `unknown experiment "tea"`},
		{"-o xml", `unknown output "xml"`},
		{"--only simulator --starling /nowhere", "experiment simulator: start a node: "},
		// It ends at once, since it knows no command serve.
		{"--only simulator --starling /bin/false", "experiment simulator: the node has ended"},
		{"--only replay --trace /nowhere", "open /nowhere"},
	} {
		_, err := output(t, append([]string{"bench"}, strings.Fields(c.args)...)...)
		assert.ErrorContains(t, err, c.want)
	}
}

func writeLog(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "two.swf")
	require.NoError(t, os.WriteFile(file, []byte(log), 0o600))
	return file
}

// output runs a command and returns what it writes to standard output.
func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd := root()
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}
