//go:build linux

package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"starling/node/executor/shim"
	"starling/node/executor/work"
)

// home is where a sandboxed program finds its work directory.
const home = "/session"

// sandbox wraps commands in bubblewrap; nil wraps nothing.
type sandbox struct {
	bwrap  string
	common []string // arguments that are the same for every program
}

// newSandbox finds bubblewrap and tries it once, since many a machine has it
// and forbids it to make namespaces.
func newSandbox(o Options) (*sandbox, error) {
	if o.Sandbox == SandboxOff {
		return nil, nil
	}
	bwrap, err := exec.LookPath("bwrap")
	if err == nil {
		s := &sandbox{bwrap: bwrap, common: common(o)}
		if err = s.try(); err == nil {
			return s, nil
		}
	}
	if o.Sandbox == SandboxRequired {
		return nil, fmt.Errorf("bubblewrap is required and doesn't work: %w", err)
	}
	o.Logger.Warn("programs run without a sandbox, with the rights of this node", "error", err)
	return nil, nil
}

// try runs a program that does nothing.
func (s *sandbox) try() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	args := append(append([]string{}, s.common...), "--", "/bin/sh", "-c", ":")
	out, err := exec.CommandContext(ctx, s.bwrap, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// system are the directories of the machine that programs see, read-only.
func system() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt",
		"/run/systemd/resolve", "/sys/devices/system/cpu"}
}

// secrets lie within them and are hidden.
func secrets() []string {
	return []string{"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/ssh", "/etc/ssl/private",
		"/etc/starling"}
}

func common(o Options) []string {
	args := []string{"--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"}
	if o.UnshareNetwork {
		args = append(args, "--unshare-net")
	}
	for _, path := range system() {
		if target, err := os.Readlink(path); err == nil {
			args = append(args, "--symlink", target, path)
			continue
		}
		args = append(args, "--ro-bind-try", path, path)
	}
	for _, path := range append(secrets(), o.Hidden...) {
		info, err := os.Stat(path)
		switch {
		case err != nil || !visible(path) || unix.Access(path, unix.R_OK) != nil:
			// Each mount costs time at every start; what this user can't read
			// needn't be hidden from its programs.
		case info.IsDir():
			args = append(args, "--tmpfs", path, "--remount-ro", path)
		default:
			args = append(args, "--ro-bind", os.DevNull, path)
		}
	}
	return append(args, "--proc", "/proc", "--dev", "/dev")
}

// visible reports whether a path lies within the system that programs see.
func visible(path string) bool {
	for _, dir := range system() {
		if strings.HasPrefix(filepath.Clean(path), dir+"/") {
			return true
		}
	}
	return false
}

// wrap is the command that runs argv in the sandbox, and its environment.
// Variables that would act upon bubblewrap itself, outside the sandbox, are
// arguments; all others are not, since everybody on the machine can read those.
func (s *sandbox) wrap(dir work.Dir, mounts []work.Mount, env, argv []string) (command, outer []string) {
	args := append([]string{s.bwrap}, s.common...)
	args = append(args, "--bind", dir.Tmp(), "/tmp", "--bind", dir.Work(), home)
	for _, m := range mounts {
		from, option := filepath.Join(dir.Work(), m.Path), "--bind"
		if !m.Writable {
			option = "--ro-bind"
		}
		args = append(args, option, from, filepath.Join(home, m.Path), option, from, "/"+m.Path)
	}
	args = append(args, "--chdir", home, "--unsetenv", shim.TokenVariable)
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if hazardous(name) {
			args = append(args, "--setenv", name, value)
			continue
		}
		outer = append(outer, variable)
	}
	return append(append(args, "--"), argv...), outer
}

// hazardous reports whether a variable may change how a program is loaded or
// how its C library works.
func hazardous(name string) bool {
	for _, prefix := range []string{"LD_", "GLIBC_", "GCONV_", "LOCPATH", "NLSPATH", "MALLOC_", "LIBC_", "RES_", "RESOLV_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
