package launch

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/moby/moby/client"
)

// openEngine finds the Docker engine, and what else a cluster needs of the machine.
func openEngine(ctx context.Context) (*client.Client, error) {
	if _, err := exec.LookPath("docker-compose"); err != nil {
		return nil, fmt.Errorf("there is no docker-compose on this machine: apt-get install docker-compose")
	}
	engine, err := client.New(client.FromEnv, client.WithUserAgent("starling"))
	if err != nil {
		return nil, fmt.Errorf("reach the Docker engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		_ = engine.Close()
		return nil, fmt.Errorf("reach the Docker engine at %s: %w: is it installed (apt-get install docker.io), does it run, and may this user use it (group docker)?", engine.DaemonHost(), err)
	}
	return engine, nil
}
