package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"starling/deploy/faults/changeling"
	"starling/deploy/faults/inject"
	"starling/deploy/faults/load"
	"starling/deploy/faults/wan"
	"starling/deploy/launch"
)

// prefix begins the names of all of our projects; what follows is our process.
const prefix = "starling-faults-"

// containers makes federations in containers.
type containers struct {
	program string // a static starling; its images are
	images  launch.Images
	rate    float64 // operations a second of a load; 0: a quarter of what is measured
	made    atomic.Int64

	changelings  sync.Once
	changeling   string // the image of nodes that are changelings, once one was wanted
	noChangeling error
}

// prepare builds the program, unless there is one, and its images.
func (c *containers) prepare(ctx context.Context, dir string) (err error) {
	if c.program == "" {
		c.program = filepath.Join(dir, "starling")
		if err := launch.BuildStatic(ctx, "./cmd/starling", c.program); err != nil {
			return err
		}
	}
	c.images, err = launch.BuildImages(ctx, c.program)
	return err
}

// close removes the images, which nobody else has.
func (c *containers) close(ctx context.Context) error {
	var errs []error
	if c.images.Node != "" {
		errs = append(errs, c.images.Remove(ctx))
	}
	if c.changeling != "" {
		said, err := exec.CommandContext(ctx, "docker", "rmi", c.changeling).CombinedOutput()
		if err != nil {
			errs = append(errs, fmt.Errorf("remove image %s: %w: %s", c.changeling, err, said))
		}
	}
	return errors.Join(errs...)
}

// raise makes a federation as a fault needs it, and waits until it is whole.
func (c *containers) raise(ctx context.Context, needs *inject.Needs) (_ federation, err error) {
	set := map[string]string{
		// Offers lapse while we watch, and what is freed is seen.
		"offers.holdTime": "20s",
	}
	if needs != nil {
		maps.Copy(set, needs.Settings)
	}
	images := c.images
	if needs != nil && needs.Changelings {
		if images.Node, err = c.changelingImage(ctx); err != nil {
			return nil, err
		}
	}
	project := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), c.made.Add(1))
	cluster, err := launch.NewCluster(ctx, launch.ClusterOptions{Project: project, Images: images, Set: set})
	if err != nil {
		return nil, err
	}
	f := &containerFederation{cluster: cluster, people: newPeople(cluster), rate: c.rate}
	for _, s := range cluster.Sites {
		f.sites = append(f.sites, f.site(s))
	}
	up, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := cluster.Up(up); err != nil {
		return nil, errors.Join(fmt.Errorf("start the cluster: %w", err), f.remove(context.WithoutCancel(ctx)))
	}
	return f, nil
}

// changelingImage is that of nodes that are changelings. It is made once.
func (c *containers) changelingImage(ctx context.Context) (string, error) {
	c.changelings.Do(func() { c.changeling, c.noChangeling = changeling.BuildImage(ctx, c.program) })
	return c.changeling, c.noChangeling
}

// containerFederation is a cluster with users.
type containerFederation struct {
	cluster *launch.Cluster
	people  *people
	sites   []*site
	rate    float64
	network *wan.Network
}

func (f *containerFederation) site(s *launch.Site) *site {
	// Whoever is the load's robot may be an executor, beside the site's own.
	s.Set["auth.roles"] = fmt.Sprintf(`[{role: user, user: "*"}, {role: operator, group: %q}, {role: auditor, group: %q},
		{role: accountant, group: %q}, {role: executor, user: %q}, {role: executor, user: %q}]`,
		launch.Operators, launch.Auditors, launch.Accountants, s.Name+"-executor", load.Robot.Name)
	return &site{launched: s, client: s.Client(), people: f.people}
}

func (f *containerFederation) scene(random *rand.Rand) *inject.Scene {
	f.network = wan.New(random)
	scene := &inject.Scene{Random: random, Network: f.network, Federation: filepath.Join(f.cluster.Dir, "federation"), Extra: f.extra}
	for _, s := range f.sites {
		scene.Sites = append(scene.Sites, s)
	}
	return scene
}

// extra adds a site, which joins the others as it is started.
func (f *containerFederation) extra(ctx context.Context, name string) (inject.Site, error) {
	launched, err := f.cluster.Add(ctx, name)
	if err != nil {
		return nil, err
	}
	s := f.site(launched)
	if err := launched.Create(ctx); err != nil {
		return nil, err
	}
	return s, inject.Ready(ctx, s)
}

// loadSites are the sites as users reach them.
func (f *containerFederation) loadSites() []load.Site {
	var sites []load.Site
	for _, s := range f.sites {
		sites = append(sites, load.Site{Name: s.Name(), URL: s.URL(), Client: s.client, Token: func(_ context.Context, who load.Person) (string, error) {
			return f.people.token(who.Name, groupsOf(who)...)
		}})
	}
	return sites
}

func (f *containerFederation) load(ctx context.Context, seed uint64, keen bool) (loading, error) {
	options := load.Options{Sites: f.loadSites(), Seed: seed, Rate: f.rate}
	if keen {
		// Ten writers that hardly pause: a gap of a tenth of a second is one that each of
		// them sees.
		options.Treasurers, options.Pace = 2, 5*time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return load.Start(ctx, options)
}

// capacity is how many operations a second the federation answers at most.
func (f *containerFederation) capacity(ctx context.Context) (float64, error) {
	figures, err := load.Capacity(ctx, load.Options{Sites: f.loadSites(), Seed: 1, Gentle: true}, 64, 10*time.Second)
	return figures.Rate, err
}

func (f *containerFederation) remove(ctx context.Context) error {
	var errs []error
	if f.network != nil {
		errs = append(errs, f.network.Clear(ctx))
	}
	for _, s := range f.sites {
		s.client.CloseIdleConnections()
		// What is frozen can't be ended.
		_ = s.launched.Node.Unpause(ctx)
	}
	return errors.Join(append(errs, f.cluster.Remove(ctx))...)
}
