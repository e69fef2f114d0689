package docker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
)

// engineTimeout bounds a request to the engine that isn't there to wait. A
// loaded engine may take its time, but not for ever.
const engineTimeout = 2 * time.Minute

// engine is the Docker engine, and what it can do.
type engine struct {
	*client.Client
	info  system.Info
	quota quota
}

// connect finds the engine and agrees with it on a version of its API.
func connect(ctx context.Context, host string) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	options := []client.Opt{client.FromEnv, client.WithUserAgent("starling")}
	if host != "" {
		options = append(options, client.WithHost(host))
	}
	c, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("reach the Docker engine: %w", err)
	}
	e := &engine{Client: c}
	if err := e.ask(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("reach the Docker engine at %s: %w", c.DaemonHost(), err)
	}
	return e, nil
}

// ask learns what the engine can do. One that can't keep containers within
// their limits is none for us.
func (e *engine) ask(ctx context.Context) error {
	if _, err := e.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return err
	}
	answer, err := e.Info(ctx, client.InfoOptions{})
	if err != nil {
		return err
	}
	e.info = answer.Info
	if e.info.OSType != "linux" {
		return fmt.Errorf("it runs containers of %s, not linux", e.info.OSType)
	}
	var missing []string
	for what, can := range map[string]bool{"memory": e.info.MemoryLimit, "cores": e.info.CPUCfsQuota, "processes": e.info.PidsLimit} {
		if !can {
			missing = append(missing, what)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("it can't limit the %s of a container: its kernel lacks the control groups", strings.Join(missing, ", "))
	}
	return nil
}

// warnings are what an operator should know of the engine.
func (e *engine) warnings() []string {
	var list []string
	if !e.info.SwapLimit {
		list = append(list, "the Docker engine can't keep containers from swapping: the kernel counts no swap (swapaccount=1)")
	}
	if !slices.ContainsFunc(e.info.SecurityOptions, func(o string) bool { return strings.HasPrefix(o, "name=seccomp") }) {
		list = append(list, "the Docker engine has no seccomp profile: containers may call everything in the kernel")
	}
	return list
}

// owner is the user and group of containers. What they leave must be this
// node's to read and to remove: root can do that whoever they are; otherwise
// they are of the node's own user, which in a rootless engine is the
// containers' root.
func (e *engine) owner() string {
	if os.Getuid() == 0 {
		return ""
	}
	if slices.Contains(e.info.SecurityOptions, "name=rootless") {
		return "0:0"
	}
	return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
}

// timely is a context for a request that is made also when the work is being
// stopped.
func timely(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
}

// notFound reports whether the engine says that there is no such thing.
func notFound(err error) bool { return errdefs.IsNotFound(err) }
