// Package systemd holds no code, only the tests that keep the units true: systemd
// understands every line of them, the node is shut in well, and they start what there is.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/cmd/starling/site"
)

// installed is where the units look for the program.
const installed = "/usr/local/bin/starling"

// units are what there is, each with the most that systemd's own measure of exposure may
// say of it, in tenths. The executor has to let bubblewrap make namespaces and mounts.
var units = map[string]string{"starling.service": "15", "starling-executor.service": "45"}

func analyze(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not there (.ci/run installs it)")
	}
	said, err := exec.Command(path, args...).CombinedOutput()
	assert.NoError(t, err, "%v: %s", args, said)
	return string(said)
}

// What systemd doesn't know it passes over with a word, and the wall that was meant isn't
// there: so no word is wanted.
func TestSystemdUnderstandsEveryLine(t *testing.T) {
	program := build(t)
	for unit := range units {
		text, err := os.ReadFile(unit)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), unit)
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), installed, program)), 0o600))
		assert.Empty(t, analyze(t, "verify", "--man=no", path), unit)
	}
}

func TestTheNodeIsShutIn(t *testing.T) {
	for unit, most := range units {
		analyze(t, "security", "--offline=yes", "--no-pager", "--threshold="+most, unit)
	}
}

// A unit with a flag that isn't there would never start.
func TestTheUnitsStartWhatThereIs(t *testing.T) {
	program := build(t)
	for unit := range units {
		args := strings.Fields(setting(t, unit, "ExecStart"))
		require.Equal(t, installed, args[0], unit)
		said, err := exec.Command(program, append(args[1:], "--help")...).CombinedOutput()
		assert.NoError(t, err, "%s: %s", unit, said)
	}
}

// Who is killed while it lets requests end has broken them off.
func TestTheGraceIsLongerThanTheDrain(t *testing.T) {
	grace, err := time.ParseDuration(setting(t, "starling.service", "TimeoutStopSec") + "s")
	require.NoError(t, err)
	assert.Greater(t, grace, 2*site.Drain+10*time.Second, "of clients, of other nodes, and for the stores")
}

// setting is a value of a unit, with what its following lines add to it.
func setting(t *testing.T, unit, name string) string {
	t.Helper()
	text, err := os.ReadFile(unit)
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(strings.ReplaceAll(string(text), "\\\n", ""))
	require.NotNil(t, found, "%s has no %s", unit, name)
	return found[1]
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "starling")
	said, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "starling/cmd/starling").CombinedOutput()
	require.NoError(t, err, "%s", said)
	return program
}
