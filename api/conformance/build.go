package conformance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// New returns the checker, built if need be. The test is skipped where the
// tool isn't beside the repository, and fails where it can't be built: a check
// that silently didn't run would be worth nothing.
func New(t testing.TB) *Tool {
	t.Helper()
	shared, err := findShared()
	if err != nil {
		t.Skipf("conform: not checked: %v", err)
	}
	program, err := build(filepath.Join(shared, "tools", "conform"))
	if err != nil {
		t.Fatalf("build conform: %v", err)
	}
	return &Tool{program: program, spec: SchemaFile(shared)}
}

// Schema returns the schema's file (JSON), or skips the test where it isn't there.
func Schema(t testing.TB) string {
	t.Helper()
	shared, err := findShared()
	if err != nil {
		t.Skipf("conform: not checked: %v", err)
	}
	return SchemaFile(shared)
}

// SchemaFile is the schema's place in the shared directory.
func SchemaFile(shared string) string {
	return filepath.Join(shared, "ivoa", "execution-broker-1.0.json")
}

// findShared looks for ../shared beside the repository that the test runs in.
func findShared() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the test")
		}
		dir = parent
	}
	shared := filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(filepath.Join(shared, "tools", "conform", "go.mod")); err != nil {
		return "", errors.New("../shared/tools/conform is not beside the repository")
	}
	return shared, nil
}

// build builds the tool into the user's cache, where it stays: go build leaves
// a program alone that is up to date. A lock keeps the tests of several
// packages, which run at once, from building over each other.
func build(source string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "starling-conform")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "conform")
	out, err := exec.Command("go", "build", "-C", source, "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(err.Error() + "\n" + string(out))
	}
	return program, nil
}
