package launch

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"starling/api/auth/issuer"
	"starling/deploy/cluster"
)

// Cluster is sites in containers, each with a node, an executor and a network of its
// own, with a WAN between the nodes, and an issuer of tokens: deploy/cluster's compose
// file, as often as one likes beside each other on one machine. It speaks TLS and wants
// tokens, as in earnest.
//
// All of it is below one directory: keys, configurations, and the data of every site,
// which outlive the containers.
type Cluster struct {
	// Dir is where everything lies: the compose file too, for people.
	Dir string
	// Project is the name that compose has for it; its containers and networks begin so.
	Project string
	// Sites are those that there are. The first began the federation.
	Sites []*Site
	// Set are keys of the configuration of all nodes, in dots (offers.holdTime), with
	// values in YAML. They count from the next start of a node.
	Set map[string]string
	// Images are those of all sites that have none of their own.
	Images Images

	engine      *client.Client
	authorities *x509.CertPool // of the sites' and the issuer's servers
	issuer      *issuer.Directory
	issuerPort  int
	subnets     subnets
}

// ClusterOptions are what a cluster is made of. Only Images is needed.
type ClusterOptions struct {
	// Dir is made, and must be empty where it is there; a temporary directory where "".
	Dir string
	// Project must be nobody else's on this machine; a random one where "".
	Project string
	Images  Images
	// Sites are their names; those of the compose file where empty. Other names are
	// sites like the first.
	Sites []string
	// Set is at [Cluster].
	Set map[string]string
	// Ports are where the sites are published on loopback, by their names, "issuer"
	// among them; ports that are free where there is none.
	Ports map[string]int
}

// NewCluster makes keys, configurations and the compose file of a cluster. Nothing is
// started; Remove removes what was made.
func NewCluster(ctx context.Context, o ClusterOptions) (_ *Cluster, err error) {
	c := &Cluster{Project: o.Project, Set: o.Set, Images: o.Images}
	if c.Set == nil {
		c.Set = map[string]string{}
	}
	if c.Project == "" {
		c.Project = "starling-" + randomName()
	}
	if c.engine, err = openEngine(ctx); err != nil {
		return nil, err
	}
	if c.Dir, err = emptyDirectory(o.Dir); err != nil {
		return nil, errors.Join(err, c.engine.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.engine.Close(), os.RemoveAll(c.Dir))
		}
	}()
	if c.issuerPort, err = portOf(o.Ports, "issuer"); err != nil {
		return nil, err
	}
	names := o.Sites
	if len(names) == 0 {
		names = cluster.Sites()
	}
	for _, name := range names {
		if _, err := c.newSite(name, o.Ports); err != nil {
			return nil, err
		}
	}
	if err := c.makeKeys(); err != nil {
		return nil, fmt.Errorf("make the keys of the cluster: %w", err)
	}
	for _, s := range c.Sites {
		if err := s.makeFiles(); err != nil {
			return nil, fmt.Errorf("make the files of site %s: %w", s.Name, err)
		}
	}
	return c, errors.Join(c.chooseSubnets(ctx), c.save())
}

// Add makes one more site, which joins the first when it is started ([Site.Create]).
func (c *Cluster) Add(ctx context.Context, name string) (*Site, error) {
	s, err := c.newSite(name, nil)
	if err != nil {
		return nil, err
	}
	if err := s.makeFiles(); err != nil {
		return nil, fmt.Errorf("make the files of site %s: %w", name, err)
	}
	return s, errors.Join(c.chooseSubnets(ctx), c.save())
}

// Drop removes a site with all that it has: containers, network and data. Its node is
// not told to leave the federation first.
func (c *Cluster) Drop(ctx context.Context, s *Site) error {
	if err := c.compose(ctx, "rm", "--stop", "--force", "-v", s.Name, s.executor()); err != nil {
		return err
	}
	if _, err := c.engine.NetworkRemove(ctx, c.Network(s.Name), client.NetworkRemoveOptions{}); err != nil {
		return fmt.Errorf("remove the network of site %s: %w", s.Name, err)
	}
	c.Sites = slices.DeleteFunc(c.Sites, func(other *Site) bool { return other == s })
	return errors.Join(os.RemoveAll(filepath.Join(c.Dir, s.Name)), c.writeCompose(), c.save())
}

// Site is the one of that name; nil where there is none.
func (c *Cluster) Site(name string) *Site {
	for _, s := range c.Sites {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// IssuerURL is the issuer's, from here, from browsers and from within.
func (c *Cluster) IssuerURL() string { return fmt.Sprintf("https://issuer.localhost:%d", c.issuerPort) }

// IssuerDir is the directory by which `starling token --issuer` issues its tokens.
func (c *Cluster) IssuerDir() string { return filepath.Join(c.Dir, issuerName, "data") }

// CA is the PEM file of the authority of all sites' servers, for --ca.
func (c *Cluster) CA() string { return filepath.Join(c.Dir, "web.pem") }

// Audience is for whom a token is that all sites take.
const Audience = "https://cluster.localhost"

// The groups that give their members a role at every site.
const (
	Operators   = "srcnet/operators"
	Auditors    = "srcnet/auditors"
	Accountants = "srcnet/accountants"
)

// Token is one of a user, good at all sites for a day.
func (c *Cluster) Token(user string, groups ...string) (string, error) {
	return c.TokenFor(24*time.Hour, user, groups...)
}

// TokenFor is one that is good for so long.
func (c *Cluster) TokenFor(lifetime time.Duration, user string, groups ...string) (string, error) {
	return c.issuer.Issue(issuer.Grant{
		User: user, Groups: groups, Audience: []string{Audience}, Client: issuer.PublicClient,
	}, lifetime)
}

// Up makes all containers and waits until every node takes work and has been heard of
// by every other one.
func (c *Cluster) Up(ctx context.Context) error {
	var services []string
	services = append(services, issuerName)
	for _, s := range c.Sites {
		if err := s.Configure(); err != nil {
			return err
		}
		services = append(services, s.Name, s.executor())
	}
	if err := c.composeUp(ctx, services...); err != nil {
		return err
	}
	return c.Ready(ctx)
}

// Ready waits until every node takes work and knows all the others, with what they run.
func (c *Cluster) Ready(ctx context.Context) error {
	waiting, ctx := errgroup.WithContext(ctx)
	for _, s := range c.Sites {
		waiting.Go(func() error { return s.Ready(ctx) })
		waiting.Go(func() error { return s.acquainted(ctx, len(c.Sites)) })
	}
	return waiting.Wait()
}

// Remove ends and removes everything: containers, networks and the directory.
func (c *Cluster) Remove(ctx context.Context) error {
	if err := c.Down(ctx); err != nil {
		return err // what it takes to try again stays
	}
	return errors.Join(os.RemoveAll(c.Dir), c.Close())
}

// Close ends the connection to the engine, and leaves the cluster as it is.
func (c *Cluster) Close() error { return c.engine.Close() }

// Engine is the Docker engine's client, for what isn't here.
func (c *Cluster) Engine() *client.Client { return c.engine }

func emptyDirectory(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "starling-cluster-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty: a cluster lies there, which must be removed first", dir)
	}
	return dir, nil
}

func randomName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
