package launch

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	yaml "sigs.k8s.io/yaml"

	"starling/deploy/cluster"
)

// Configure writes the configurations of a site's node and executor anew, from
// deploy/cluster's files and what is set. The containers read them when they start.
func (s *Site) Configure() error {
	common, err := fill("site.yaml", map[string]any{
		"Name": s.Name, "Port": s.port, "URL": s.URL, "Pages": fmt.Sprintf("https://*.%s-pages.localhost:%d", s.Name, s.port),
		"Audience": Audience, "Issuer": s.cluster.IssuerURL(), "First": s == s.cluster.Sites[0], "Join": s.cluster.Sites[0].Name,
	})
	if err != nil {
		return err
	}
	own, err := s.ownFile()
	if err != nil {
		return err
	}
	node := map[string]any{}
	for _, text := range [][]byte{common, own} {
		if err := yaml.Unmarshal(text, &node); err != nil {
			return fmt.Errorf("the configuration of site %s: %w", s.Name, err)
		}
	}
	// What is to be shared out is the executor's.
	executor := map[string]any{"capacity": node["capacity"], "log": node["log"]}
	delete(node, "capacity")
	if s.Containers {
		connect, _ := node["connect"].(map[string]any)
		connect["networks"] = sessionNetworks()
	}
	for _, set := range []map[string]string{s.cluster.Set, s.Set} {
		for key, value := range set {
			if err := setKey(node, key, value); err != nil {
				return err
			}
		}
	}
	if err := writeConfiguration(filepath.Join(s.Etc(), "site.yaml"), node); err != nil {
		return err
	}
	return writeConfiguration(filepath.Join(s.ExecutorDir(), "etc", "executor.yaml"), executor)
}

// ownFile is what a site has of its own. One that is not in deploy/cluster is like the
// first there.
func (s *Site) ownFile() ([]byte, error) {
	own, err := cluster.Files.ReadFile("sites/" + s.Name + ".yaml")
	if os.IsNotExist(err) {
		return cluster.Files.ReadFile("sites/" + cluster.Sites()[0] + ".yaml")
	}
	return own, err
}

// setKey sets a key in dots to a value in YAML.
func setKey(in map[string]any, key, value string) error {
	var parsed any
	if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
		return fmt.Errorf("%s: %q is not YAML: %w", key, value, err)
	}
	parts := strings.Split(key, ".")
	for _, part := range parts[:len(parts)-1] {
		below, ok := in[part].(map[string]any)
		if !ok {
			below = map[string]any{}
		}
		below = maps.Clone(below)
		in[part], in = below, below
	}
	in[parts[len(parts)-1]] = parsed
	return nil
}

// writeConfiguration puts a file in place as a whole, for the containers' user.
func writeConfiguration(path string, document map[string]any) error {
	text, err := yaml.Marshal(document)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, text, fs.FileMode(0o600)); err != nil {
		return err
	}
	if err := giveAway(fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
