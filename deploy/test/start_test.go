package systemtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What keeps a node from starting is said in a line, and the exit status tells.
func TestANodeThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	config := filepath.Join(dir, "bad.yaml")
	require.NoError(t, os.WriteFile(config, []byte("offers:\n  holdTme: 5s\n"), 0o600))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	running := start(t)

	for _, bad := range []struct {
		name string
		args []string
		says []string
	}{
		{"a file for a directory", []string{"--data", file}, []string{file, "not a directory"}},
		{"a directory that can't be made", []string{"--data", "/proc/none/data"}, []string{"/proc/none", "no such file"}},
		{"a directory that can't be written", []string{"--data", "/proc/sys"}, []string{"/proc/sys"}},
		{"another node's directory", []string{"--data", running.Data}, []string{running.Data, "another"}},
		{"a port in use", []string{"--http", taken.Addr().String()}, []string{taken.Addr().String(), "another program", "--http"}},
		{"a wildcard address", []string{"--http", ":0"}, []string{"loopback"}},
		{"a public address", []string{"--http", "192.0.2.1:7733"}, []string{"loopback"}},
		{"no port", []string{"--http", "127.0.0.1"}, []string{"HOST:PORT"}},
		{"a bad name", []string{"--name", "Not A Label"}, []string{"name"}},
		{"a bad capacity", []string{"--capacity", "cores=-1"}, []string{"cores"}},
		{"an unknown executor", []string{"--executors", "psychic"}, []string{"psychic"}},
		{"an unknown key in the file", []string{"--config", config}, []string{"holdTme", "bad.yaml:2"}},
		{"no such file", []string{"--config", filepath.Join(dir, "none.yaml")}, []string{"none.yaml"}},
		{"an unknown flag", []string{"--frobnicate"}, []string{"frobnicate"}},
	} {
		args := append([]string{"serve", "--dev", "--name", "test", "--http", "127.0.0.1:0", "--data", filepath.Join(dir, "data")}, bad.args...)
		out, err := exec.Command(binary, args...).CombinedOutput()
		assert.Error(t, err, "%s: exit status", bad.name)
		for _, word := range bad.says {
			assert.Contains(t, string(out), word, bad.name)
		}
		assert.Less(t, strings.Count(string(out), "\n"), 15, "%s: %s", bad.name, out)
		assert.NotContains(t, string(out), "goroutine ", bad.name)
	}
	assert.Equal(t, 200, running.do("GET", "/readyz", nil).Status, "the node that runs is not disturbed")
}
