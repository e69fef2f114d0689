package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	yaml "sigs.k8s.io/yaml"

	"starling/deploy/cluster"
)

// WAN is the network between the nodes.
const WAN = "wan"

// Network is what the engine calls one of the cluster's networks.
func (c *Cluster) Network(name string) string { return c.Project + "_" + name }

// composeUp makes and starts services as the compose file says now.
func (c *Cluster) composeUp(ctx context.Context, services ...string) error {
	if err := errors.Join(c.save(), c.writeCompose()); err != nil {
		return err
	}
	return c.compose(ctx, append([]string{"up", "--detach", "--no-deps", "--no-build"}, services...)...)
}

// Down removes all containers and networks, and keeps the files: Up makes them again.
func (c *Cluster) Down(ctx context.Context) error {
	if err := c.writeCompose(); err != nil {
		return err
	}
	if err := c.compose(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "5"); err != nil {
		return err
	}
	return c.removeSessions(ctx)
}

// compose runs docker-compose in the cluster's directory.
func (c *Cluster) compose(ctx context.Context, arguments ...string) error {
	_, err := c.composeSays(ctx, arguments...)
	return err
}

// composeSays runs docker-compose and returns what it has said.
func (c *Cluster) composeSays(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "docker-compose", append([]string{"--no-ansi"}, arguments...)...)
	command.Dir = c.Dir
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return said.String(), fmt.Errorf("docker-compose %s in %s: %w; it said:\n%s", strings.Join(arguments, " "), c.Dir, err, said.String())
	}
	return said.String(), nil
}

// writeCompose writes what docker-compose reads: deploy/cluster's file, the variables
// in it, and what this cluster has of its own.
func (c *Cluster) writeCompose() error {
	text, err := cluster.Files.ReadFile("compose.yaml")
	if err != nil {
		return err
	}
	own, err := c.override(text)
	if err != nil {
		return err
	}
	uid, gid := containerUser()
	variables := []string{
		"COMPOSE_PROJECT_NAME=" + c.Project,
		"COMPOSE_FILE=compose.yaml:own.yaml",
		fmt.Sprintf("STARLING_USER=%d:%d", uid, gid),
		"STARLING_NODE_IMAGE=" + c.Images.Node,
		"STARLING_EXECUTOR_IMAGE=" + c.Images.Executor,
		fmt.Sprintf("ISSUER_PORT=%d", c.issuerPort),
	}
	ports := map[string]int{}
	for _, name := range cluster.Sites() {
		ports[name] = 1 // of those that aren't here nothing is started
	}
	for _, s := range c.Sites {
		ports[s.Name] = s.port
	}
	for name, port := range ports {
		variables = append(variables, fmt.Sprintf("%s_PORT=%d", strings.ToUpper(name), port))
	}
	slices.Sort(variables[6:])
	for name, content := range map[string][]byte{
		"compose.yaml": text, "own.yaml": own, ".env": []byte(strings.Join(variables, "\n") + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// composeFile is what we change in one.
type composeFile struct {
	Version  string                    `json:"version"`
	Services map[string]map[string]any `json:"services"`
	Networks map[string]any            `json:"networks"`
}

// override is what this cluster has of its own: subnets, a site's images, data that lie
// elsewhere, and sites that the compose file doesn't have.
func (c *Cluster) override(text []byte) ([]byte, error) {
	var base composeFile
	if err := yaml.Unmarshal(text, &base); err != nil {
		return nil, fmt.Errorf("compose.yaml: %w", err)
	}
	own := composeFile{Version: base.Version, Services: map[string]map[string]any{}, Networks: map[string]any{}}
	for i, name := range c.networks() {
		own.Networks[name] = map[string]any{"ipam": map[string]any{"config": []any{map[string]any{"subnet": c.subnets.of(i)}}}}
	}
	for _, s := range c.Sites {
		node, executor := own.service(s.Name), own.service(s.executor())
		if base.Services[s.Name] == nil {
			if err := base.copyFirst(s, node, executor); err != nil {
				return nil, err
			}
		}
		if s.Images.Node != "" {
			node["image"] = s.Images.Node
		}
		if s.Images.Executor != "" {
			executor["image"] = s.Images.Executor
		}
		if s.Containers {
			if err := s.lendEngine(executor); err != nil {
				return nil, err
			}
		}
		if s.Data != filepath.Join(c.Dir, s.Name, "data") {
			node["volumes"] = []string{fmt.Sprintf("./%s/etc:/etc/starling:ro", s.Name), s.Data + ":/var/lib/starling"}
		}
	}
	return yaml.Marshal(own)
}

func (f composeFile) service(name string) map[string]any {
	if f.Services[name] == nil {
		f.Services[name] = map[string]any{}
	}
	return f.Services[name]
}

// copyFirst makes the services of a site out of those of the first: only names differ.
func (f composeFile) copyFirst(s *Site, node, executor map[string]any) error {
	first := cluster.Sites()[0]
	renamed := strings.NewReplacer(first, s.Name, strings.ToUpper(first), strings.ToUpper(s.Name))
	for from, into := range map[string]*map[string]any{first: &node, first + "-executor": &executor} {
		text, err := yaml.Marshal(f.Services[from])
		if err != nil {
			return err
		}
		if err := yaml.Unmarshal([]byte(renamed.Replace(string(text))), into); err != nil {
			return err
		}
	}
	return nil
}

// networks are the names of the cluster's networks, in an order that stays when sites
// are added.
func (c *Cluster) networks() []string {
	names := append([]string{WAN, "institute"}, cluster.Sites()...)
	for _, s := range c.Sites {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}
