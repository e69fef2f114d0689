package systemtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// process is a process of this machine.
type process struct {
	pid     int
	command string
}

// processes lists all that satisfy a condition, which gets the process'
// directory below /proc and its command line.
func processes(fits func(dir, command string) bool) []process {
	var found []process
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		text, readErr := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || readErr != nil || pid == os.Getpid() || len(text) == 0 { // zombies have no command line
			continue
		}
		command := string(bytes.ReplaceAll(text, []byte{0}, []byte(" ")))
		if fits(dir, command) {
			found = append(found, process{pid, command})
		}
	}
	return found
}

// processesOf lists those that belong to a data directory: it is in their
// command line or environment, among their open files or mounts, or they are
// in it.
func processesOf(data string) []process {
	return processes(func(dir, command string) bool {
		if strings.Contains(command, data+"/") || strings.Contains(command, data+" ") { // and not its sibling's, whose name begins so
			return true
		}
		for _, name := range []string{"environ", "mountinfo"} {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			if bytes.Contains(text, []byte(data+"/")) {
				return true
			}
		}
		links, _ := filepath.Glob(filepath.Join(dir, "fd", "*"))
		for _, link := range append(links, filepath.Join(dir, "cwd")) {
			if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, data+"/") {
				return true
			}
		}
		return false
	})
}

// processesWith lists those with a word in their command line.
func processesWith(word string) []process {
	return processes(func(_, command string) bool { return strings.Contains(command, word) })
}

// kill ends a process that the node under test has started.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		t.Fatalf("kill %d: %v", pid, err)
	}
}
