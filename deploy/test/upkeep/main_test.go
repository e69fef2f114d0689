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
// version 2. It stays in the history; where that is cut short, and so is the test, the
// log says so.
const before = "06f4f19"

// The federation of all tests, and the programs: TestMain owns them. The tests go
// through its life, in the order of their files.
var (
	federation *launch.Cluster
	program    string // the current one
	images     struct{ before, now launch.Images }
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
	if err := buildBefore(ctx, filepath.Join(dir, "source"), old); err != nil {
		return 1, err
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

// buildBefore builds the program of before, with the commit in it.
func buildBefore(ctx context.Context, source, to string) error {
	if out, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output(); err == nil {
		top := string(out[:len(out)-1])
		for _, args := range [][]string{
			{"clone", "--quiet", "--no-checkout", "--shared", top, source},
			{"-C", source, "-c", "advice.detachedHead=false", "checkout", "--quiet", before},
		} {
			if said, err := exec.CommandContext(ctx, "git", args...).CombinedOutput(); err != nil {
				return fmt.Errorf("the source of %s, from which the upgrade begins, isn't in the history (is the clone a shallow one?): git %v: %w: %s", before, args, err, said)
			}
		}
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", to, "./cmd/starling")
		build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=true")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", before, err, said)
		}
		return nil
	}
	fmt.Fprintln(os.Stderr, "upkeep: there is no history here, so that the upgrade is from this version to itself")
	return launch.BuildStatic(ctx, "starling/cmd/starling", to)
}
