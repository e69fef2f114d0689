// Package engine runs a container that does nothing, by the machine's Docker engine alone: what a session that runs the
// same is to be compared with.
package engine

import (
	"context"
	"fmt"
	"os"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Engine is the machine's Docker engine, with an image of a program that does nothing.
type Engine struct {
	client  *client.Client
	Image   string // its name
	network string
}

// Open finds the engine, and makes the image and a network. It returns nil where no engine answers. Close removes both.
func Open(ctx context.Context) (*Engine, error) {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	if _, err := c.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, c.Close()
	}
	e := &Engine{client: c, Image: fmt.Sprintf("starling-bench:%d", os.Getpid())}
	if err := makeImage(ctx, c, e.Image); err != nil {
		e.Close()
		return nil, fmt.Errorf("make the image of a program that does nothing: %w", err)
	}
	made, err := c.NetworkCreate(ctx, fmt.Sprintf("starling-bench-%d", os.Getpid()), client.NetworkCreateOptions{
		Driver: "bridge", Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
	})
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("make a network: %w", err)
	}
	e.network = made.ID
	return e, nil
}

// Close removes the image and the network.
func (e *Engine) Close() {
	if e.network != "" {
		_, _ = e.client.NetworkRemove(context.Background(), e.network, client.NetworkRemoveOptions{})
	}
	_, _ = e.client.ImageRemove(context.Background(), e.Image, client.ImageRemoveOptions{Force: true})
	e.client.Close()
}

// Run creates a container, starts it, waits for its end and removes it. It is confined as a session's container is, and
// in a network of the same kind, on which much depends: one of one's own has its own name server, in every container.
func (e *Engine) Run(ctx context.Context) error {
	const memory = 1 << 30
	processes := int64(4096)
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: e.Image},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(e.network),
			CapDrop:     []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
			IpcMode: "private", CgroupnsMode: "private",
			LogConfig: container.LogConfig{Type: "local"},
			Resources: container.Resources{NanoCPUs: 1e9, Memory: memory, MemorySwap: memory, PidsLimit: &processes},
		},
	})
	if err != nil {
		return err
	}
	if _, err := e.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	waiting := e.client.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-waiting.Result:
	case err := <-waiting.Error:
		return err
	}
	_, err = e.client.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{RemoveVolumes: true})
	return err
}
