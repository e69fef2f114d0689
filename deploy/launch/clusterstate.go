package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"starling/api/auth/issuer"
)

// stateFile holds what a cluster's directory doesn't say otherwise.
const stateFile = "cluster.json"

type clusterState struct {
	Project    string            `json:"project"`
	Images     Images            `json:"images"`
	IssuerPort int               `json:"issuerPort"`
	Subnets    netip.Addr        `json:"subnets"`
	Set        map[string]string `json:"set,omitempty"`
	Sites      []siteState       `json:"sites"`
}

type siteState struct {
	Name   string            `json:"name"`
	Port   int               `json:"port"`
	Data   string            `json:"data"`
	Set    map[string]string `json:"set,omitempty"`
	Images Images            `json:"images,omitzero"`
	// Containers is at [Site].
	Containers bool `json:"containers,omitempty"`
}

// ErrNoCluster says that no cluster lies in a directory.
var ErrNoCluster = errors.New("no cluster lies there")

// OpenCluster finds the cluster that lies in a directory, whoever made it, whether it
// is up or not.
func OpenCluster(ctx context.Context, dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoCluster)
	}
	if err != nil {
		return nil, err
	}
	var state clusterState
	if err := json.Unmarshal(text, &state); err != nil {
		return nil, fmt.Errorf("%s in %s: %w", stateFile, dir, err)
	}
	c := &Cluster{Dir: dir, Project: state.Project, Images: state.Images, Set: state.Set, issuerPort: state.IssuerPort, subnets: subnets{state.Subnets}}
	if c.Set == nil {
		c.Set = map[string]string{}
	}
	for _, saved := range state.Sites {
		s, err := c.newSite(saved.Name, map[string]int{saved.Name: saved.Port})
		if err != nil {
			return nil, err
		}
		s.Data, s.Images, s.Containers = saved.Data, saved.Images, saved.Containers
		if saved.Set != nil {
			s.Set = saved.Set
		}
	}
	web, err := c.web()
	if err != nil {
		return nil, err
	}
	c.authorities = web.pool()
	if c.issuer, err = issuer.OpenDirectory(c.IssuerDir(), time.Now); err != nil {
		return nil, err
	}
	c.engine, err = openEngine(ctx)
	return c, err
}

// save writes what OpenCluster reads.
func (c *Cluster) save() error {
	state := clusterState{Project: c.Project, Images: c.Images, IssuerPort: c.issuerPort, Subnets: c.subnets.first, Set: c.Set}
	for _, s := range c.Sites {
		state.Sites = append(state.Sites, siteState{Name: s.Name, Port: s.port, Data: s.Data, Set: s.Set, Images: s.Images, Containers: s.Containers})
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Dir, stateFile), text, 0o644)
}
