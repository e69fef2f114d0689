//go:build docker

package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"starling/deploy/launch"
)

// before is the last commit of the version before this one, which knows commands up to
// version 2.
const before = "06f4f19"

// The federation of all tests, and the programs: TestMain owns them. The tests go
// through its life, in the order of their files.
var (
	federation *launch.Cluster
	program    string // the current one
	images     struct{ before, now launch.Images }
	// older is whether the program of before is one: where the history is cut short it is
	// this source once more, and all that is seen is that nobody loses anything.
	older bool
)

// begin is how long three sites may take to come up on a busy machine.
const begin = 6 * time.Minute

func TestMain(m *testing.M) {
	status, err := withFederation(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests of upkeep:", err)
		status = 1
	}
	os.Exit(status)
}

// withFederation makes three sites with the program of before, runs the tests, and
// removes everything.
func withFederation(tests func() int) (status int, err error) {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, begin)
	defer cancel()
	dir, err := os.MkdirTemp("", "starling-upkeep-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "starling")
	if err := launch.BuildStatic(ctx, "starling/cmd/starling", program); err != nil {
		return 1, err
	}
	old := filepath.Join(dir, "starling-before")
	if older, err = buildBefore(ctx, filepath.Join(dir, "source"), old); err != nil {
		return 1, err
	}
	if !older {
		fmt.Fprintf(os.Stderr, "upkeep: commit %s isn't in the history here (git fetch --unshallow), so that the upgrade is from this version to itself\n", before)
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if federation != nil {
			err = errors.Join(err, federation.Remove(ending))
		}
		for _, i := range []launch.Images{images.before, images.now} {
			if i.Node != "" {
				_ = i.Remove(ending) // others may have containers of the same
			}
		}
	}()
	if images.now, err = launch.BuildImages(ctx, program); err != nil {
		return 1, err
	}
	if images.before, err = launch.BuildImages(ctx, old); err != nil {
		return 1, err
	}
	set := map[string]string{"sessions.lease": "30s"}
	federation, err = launch.NewCluster(ctx, launch.ClusterOptions{Images: images.before, Set: set, Sites: []string{"uksrc", "espsrc", "jpsrc"}})
	if err != nil {
		return 1, err
	}
	if err := federation.Up(ctx); err != nil {
		return 1, err
	}
	done := make(chan int, 1)
	go func() { done <- tests() }()
	select {
	case status = <-done:
		return status, nil
	case <-interrupted.Done(): // what was made is removed all the same
		return 1, errors.New("interrupted")
	}
}

// repository is where the source of this test is.
const repository = "../../.."

// buildBefore builds the program of before, where the history has it.
func buildBefore(ctx context.Context, source, to string) (older bool, err error) {
	from, err := filepath.Abs(repository)
	if err != nil {
		return false, err
	}
	if exec.CommandContext(ctx, "git", "-C", from, "cat-file", "-e", before+"^{commit}").Run() != nil {
		return false, launch.BuildStatic(ctx, "starling/cmd/starling", to)
	}
	for _, args := range [][]string{
		{"clone", "--quiet", "--no-checkout", "--shared", from, source},
		{"-C", source, "-c", "advice.detachedHead=false", "checkout", "--quiet", before},
	} {
		if said, err := exec.CommandContext(ctx, "git", args...).CombinedOutput(); err != nil {
			return false, fmt.Errorf("have the source of %s: git %v: %w: %s", before, args, err, said)
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", to, "./cmd/starling")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=true") // its commit is its version
	if said, err := build.CombinedOutput(); err != nil {
		return false, fmt.Errorf("build %s: %w: %s", before, err, said)
	}
	return true, nil
}
