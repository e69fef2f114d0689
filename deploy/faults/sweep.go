package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sweep removes what runners have left behind that died: their containers, with the
// rules in their networks, and the networks. A project is named after its runner's
// process, so that others that run beside us are left alone.
func sweep(ctx context.Context, log func(string, ...any)) error {
	var errs []error
	for _, kind := range []struct{ list, remove []string }{
		{[]string{"ps", "--all", "--format", "{{.Names}}"}, []string{"rm", "--force", "--volumes"}},
		{[]string{"network", "ls", "--format", "{{.Name}}"}, []string{"network", "rm"}},
	} {
		said, err := exec.CommandContext(ctx, "docker", kind.list...).Output()
		if err != nil {
			return fmt.Errorf("docker %s: %w: is there an engine?", strings.Join(kind.list, " "), err)
		}
		dead := slices.DeleteFunc(strings.Fields(string(said)), func(name string) bool { return !orphan(name) })
		if len(dead) == 0 {
			continue
		}
		log("removing %d leftovers of runners that died", len(dead))
		if said, err := exec.CommandContext(ctx, "docker", append(kind.remove, dead...)...).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("remove leftovers: %w: %s", err, said))
		}
	}
	return errors.Join(errs...)
}

// orphan reports whether a name is one of ours whose runner is no more.
func orphan(name string) bool {
	rest, ours := strings.CutPrefix(name, prefix)
	number, _, named := strings.Cut(rest, "-")
	pid, err := strconv.Atoi(number)
	if !ours || !named || err != nil {
		return false
	}
	runner, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return true
	}
	// The number may be another program's by now; ours is called faults, whatever whoever
	// built it has put before or behind that.
	return !strings.Contains(filepath.Base(runner), "faults")
}
