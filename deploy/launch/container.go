package launch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Container is one of a cluster. It is looked up anew whenever something is wanted of
// it: its id changes when it is made again, its addresses whenever it starts.
type Container struct {
	Service string // its name in the compose file
	cluster *Cluster
}

// Inspect tells all that the engine knows of it.
func (c *Container) Inspect(ctx context.Context) (container.InspectResponse, error) {
	got, err := c.cluster.engine.ContainerInspect(ctx, c.Name(), client.ContainerInspectOptions{})
	if err != nil {
		return container.InspectResponse{}, fmt.Errorf("look at container %s: %w", c.Name(), err)
	}
	return got.Container, nil
}

// Name is its name at the engine, as good as an id.
func (c *Container) Name() string { return c.cluster.Project + "_" + c.Service + "_1" }

// ID is the engine's id of it.
func (c *Container) ID(ctx context.Context) (string, error) {
	got, err := c.Inspect(ctx)
	return got.ID, err
}

// PID is its first process, as we see it; nsenter finds its network by it. An error
// where it isn't running.
func (c *Container) PID(ctx context.Context) (int, error) {
	got, err := c.Inspect(ctx)
	if err != nil {
		return 0, err
	}
	if got.State == nil || got.State.Pid == 0 {
		return 0, fmt.Errorf("container %s isn't running", c.Name())
	}
	return got.State.Pid, nil
}

// Running reports whether it is.
func (c *Container) Running(ctx context.Context) bool {
	got, err := c.Inspect(ctx)
	return err == nil && got.State != nil && got.State.Running
}

// Address is its address in one of the cluster's networks (wan, or a site's name).
func (c *Container) Address(ctx context.Context, in string) (netip.Addr, error) {
	got, err := c.Inspect(ctx)
	if err != nil {
		return netip.Addr{}, err
	}
	if got.NetworkSettings != nil {
		if endpoint := got.NetworkSettings.Networks[c.cluster.Network(in)]; endpoint != nil && endpoint.IPAddress.IsValid() {
			return endpoint.IPAddress, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("container %s has no address in network %s", c.Name(), c.cluster.Network(in))
}

// Kill ends it as a crash would. It stays down until it is started.
func (c *Container) Kill(ctx context.Context) error {
	_, err := c.cluster.engine.ContainerKill(ctx, c.Name(), client.ContainerKillOptions{Signal: "KILL"})
	if err != nil {
		return fmt.Errorf("kill container %s: %w", c.Name(), err)
	}
	return c.wait(ctx)
}

// wait waits until it is down.
func (c *Container) wait(ctx context.Context) error {
	ended := c.cluster.engine.ContainerWait(ctx, c.Name(), client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-ended.Result:
		return nil
	case err := <-ended.Error:
		return fmt.Errorf("wait for the end of container %s: %w", c.Name(), err)
	}
}

// Signal sends its first process a signal (TERM, HUP).
func (c *Container) Signal(ctx context.Context, name string) error {
	_, err := c.cluster.engine.ContainerKill(ctx, c.Name(), client.ContainerKillOptions{Signal: name})
	if err != nil {
		return fmt.Errorf("signal container %s: %w", c.Name(), err)
	}
	return nil
}

// Stop ends it as an operator would: by SIGTERM, and after its grace by force.
func (c *Container) Stop(ctx context.Context) error {
	if _, err := c.cluster.engine.ContainerStop(ctx, c.Name(), client.ContainerStopOptions{}); err != nil {
		return fmt.Errorf("stop container %s: %w", c.Name(), err)
	}
	return nil
}

// Start starts it again.
func (c *Container) Start(ctx context.Context) error {
	if _, err := c.cluster.engine.ContainerStart(ctx, c.Name(), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start container %s: %w", c.Name(), err)
	}
	return nil
}

// Pause stops all of its processes in their tracks.
func (c *Container) Pause(ctx context.Context) error {
	if _, err := c.cluster.engine.ContainerPause(ctx, c.Name(), client.ContainerPauseOptions{}); err != nil {
		return fmt.Errorf("pause container %s: %w", c.Name(), err)
	}
	return nil
}

// Unpause lets them go on.
func (c *Container) Unpause(ctx context.Context) error {
	if _, err := c.cluster.engine.ContainerUnpause(ctx, c.Name(), client.ContainerUnpauseOptions{}); err != nil {
		return fmt.Errorf("unpause container %s: %w", c.Name(), err)
	}
	return nil
}

// Disconnect takes it off one of the cluster's networks (wan, or a site's name).
func (c *Container) Disconnect(ctx context.Context, from string) error {
	_, err := c.cluster.engine.NetworkDisconnect(ctx, c.cluster.Network(from), client.NetworkDisconnectOptions{Container: c.Name()})
	if err != nil {
		return fmt.Errorf("take container %s off network %s: %w", c.Name(), from, err)
	}
	return nil
}

// Connect puts it back, under the name that it has there.
func (c *Container) Connect(ctx context.Context, to string) error {
	alias := c.Service + ".wan"
	if to != WAN {
		alias = c.Service + ".localhost"
	}
	_, err := c.cluster.engine.NetworkConnect(ctx, c.cluster.Network(to), client.NetworkConnectOptions{
		Container: c.Name(), EndpointConfig: &network.EndpointSettings{Aliases: []string{alias}},
	})
	if err != nil {
		return fmt.Errorf("put container %s on network %s: %w", c.Name(), to, err)
	}
	return nil
}

// Said is the last of what it has said in its life; all for 0 lines.
func (c *Container) Said(lines int) string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tail := "all"
	if lines > 0 {
		tail = strconv.Itoa(lines)
	}
	logs, err := c.cluster.engine.ContainerLogs(ctx, c.Name(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: tail})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	var said bytes.Buffer
	if _, err := stdcopy.StdCopy(&said, &said, io.LimitReader(logs, 64<<20)); err != nil {
		fmt.Fprintln(&said, err)
	}
	return said.String()
}
