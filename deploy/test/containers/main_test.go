//go:build docker

package containers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"starling/deploy/launch"
)

// federation is the cluster of all tests, and program the static binary in its images.
// TestMain owns both.
var (
	federation *launch.Cluster
	program    string
)

// whole is how long all tests may take together. It ends before `go test` ends them
// (-timeout in the Makefile), who would leave the containers behind.
const whole = 12 * time.Minute

// begin is how long the cluster may take to come up on a busy machine.
const begin = 4 * time.Minute

func TestMain(m *testing.M) {
	status, err := withCluster(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests in containers:", err)
		status = 1
	}
	os.Exit(status)
}

// withCluster makes five sites, runs the tests with them, and removes everything, also
// where somebody presses Ctrl-C.
func withCluster(tests func() int) (status int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	dir, err := os.MkdirTemp("", "starling-containers-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "starling")
	if err := launch.BuildStatic(ctx, "starling/cmd/starling", program); err != nil {
		return 1, err
	}
	images, err := launch.BuildImages(ctx, program)
	if err != nil {
		return 1, err
	}
	// Lost work is noticed soon, so that nobody waits a minute for it.
	set := map[string]string{"sessions.lease": "15s"}
	federation, err = launch.NewCluster(ctx, launch.ClusterOptions{Images: images, Set: set})
	if err != nil {
		return 1, errors.Join(err, images.Remove(context.WithoutCancel(ctx)))
	}
	// Which site runs containers is of no interest to the tests that need none.
	federation.Site(laboratory).Containers = true
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, federation.Remove(ending), images.Remove(ending))
	}()
	up, cancel := context.WithTimeout(ctx, begin)
	defer cancel()
	if err := federation.Up(up); err != nil {
		return 1, err
	}
	done := make(chan int, 1)
	go func() { done <- tests() }()
	select {
	case status = <-done:
		return status, nil
	case <-ctx.Done():
		return 1, fmt.Errorf("ended before they were done: %w", ctx.Err())
	}
}

// result is what a command has said.
type result struct {
	status   int
	out, err string
}

// starling runs the command line at a site, as somebody with a token types it here.
func starling(t *testing.T, s *launch.Site, token string, arguments ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "STARLING_NODE="+s.URL, "STARLING_CA="+federation.CA(), "STARLING_TOKEN="+token, "XDG_CONFIG_HOME="+command.Dir)
	var out, errs strings.Builder
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run starling %v: %v", arguments, err)
	}
	return result{command.ProcessState.ExitCode(), out.String(), errs.String()}
}
