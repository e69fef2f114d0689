package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/moby/moby/client"
)

// A site whose executor runs containers lends it the engine of this machine, which has
// to be given paths as this machine has them: the executor's data lie under the same
// path within and without. Its sessions' containers are beside the cluster's, in a
// network of their own that the engine's own pools provide.
//
// Docker lets nobody pass from one of its networks to another, so that the node, in a
// container itself, can't lead browsers to such sessions until somebody opens the way
// (chain DOCKER-USER of iptables); a node on the machine itself always can.

const engineSocket = "/var/run/docker.sock"

// lendEngine has a service be an executor of containers.
func (s *Site) lendEngine(service map[string]any) error {
	info, err := os.Stat(engineSocket)
	if err != nil {
		return fmt.Errorf("site %s is to run containers: %w", s.Name, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its group can't be told on this system", engineSocket)
	}
	data := filepath.Join(s.ExecutorDir(), "data")
	service["command"] = []string{"executor", "--backend", "docker", "--connectors", "--name", s.Name, "--token-file", "/etc/starling/token", "--data", data}
	service["volumes"] = []string{fmt.Sprintf("./%s/executor/etc:/etc/starling:ro", s.Name), data + ":" + data, engineSocket + ":" + engineSocket}
	service["group_add"] = []string{fmt.Sprint(owner.Gid)}
	return nil
}

// sessionNetworks are where the engine's own pools are, unless it was told others.
func sessionNetworks() []string { return []string{"172.16.0.0/12", "192.168.0.0/16"} }

// labelRoot is what the executor's containers and networks are labelled with: the
// directory that they belong to.
const labelRoot = "calycopis-broker-root"

// removeSessions removes what sessions have left at the engine: their executors leave
// what runs to the next one.
func (c *Cluster) removeSessions(ctx context.Context) error {
	ours := func(labels map[string]string) bool { return strings.HasPrefix(labels[labelRoot], c.Dir+"/") }
	labelled := client.Filters{}.Add("label", labelRoot)
	var errs []error
	containers, err := c.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled})
	if err != nil {
		return fmt.Errorf("list the sessions' containers: %w", err)
	}
	for _, found := range containers.Items {
		if ours(found.Labels) {
			_, err := c.engine.ContainerRemove(ctx, found.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			errs = append(errs, err)
		}
	}
	networks, err := c.engine.NetworkList(ctx, client.NetworkListOptions{Filters: labelled})
	if err != nil {
		return fmt.Errorf("list the sessions' networks: %w", err)
	}
	for _, found := range networks.Items {
		if ours(found.Labels) {
			_, err := c.engine.NetworkRemove(ctx, found.ID, client.NetworkRemoveOptions{})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
