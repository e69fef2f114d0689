// Package prometheus holds no code, only the tests that keep what watches over a node
// true: the rules are rules, each alert fires when it should, not before, and has a
// paragraph for whoever it wakes, and whatever they and the dashboard look at is there
// to be seen.
package prometheus

import (
	"os/exec"
	"testing"
)

// promtool runs Prometheus' own checks.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not there (.ci/run has it from Debian's prometheus)")
	}
	said, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, said)
	}
	return string(said)
}
