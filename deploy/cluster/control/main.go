// Command control is what `make cluster-up`, `cluster-demo` and `cluster-down` do: it
// makes five sites in Docker below a directory, tells a story with them, and removes
// them.
//
//	control [-dir DIR] [-project NAME] [-keep] up|demo|down STARLING-BINARY
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"starling/deploy/launch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// However slow the machine, this ends by itself.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var c control
	flag.StringVar(&c.dir, "dir", "deploy/cluster/run", "where the cluster lies: keys, configurations and data")
	flag.StringVar(&c.project, "project", "starling", "what its containers and networks are called")
	flag.BoolVar(&c.keep, "keep", false, "down: keep the directory, for the next up to go on with")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: control [flags] up|demo|down STARLING-BINARY")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := c.run(ctx, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// control is what the command line says.
type control struct {
	dir, project string
	keep         bool
}

func (c control) run(ctx context.Context, what, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	switch what {
	case "up":
		return c.up(ctx, binary)
	case "demo":
		return c.demo(ctx, binary)
	case "down":
		return c.down(ctx)
	}
	return fmt.Errorf("%q is none of up, demo and down", what)
}

// ports are where the sites of people's cluster are: fixed, so that bookmarks stay good.
func ports() map[string]int {
	return map[string]int{"uksrc": 7711, "espsrc": 7712, "jpsrc": 7713, "cansrc": 7714, "aussrc": 7715, "issuer": 7780}
}

// up makes the cluster, or brings up the one that lies there, with the program as it is
// now.
func (c control) up(ctx context.Context, binary string) error {
	fmt.Println("building the images")
	images, err := launch.BuildImages(ctx, binary)
	if err != nil {
		return err
	}
	sites, err := launch.OpenCluster(ctx, c.dir)
	if errors.Is(err, launch.ErrNoCluster) {
		sites, err = launch.NewCluster(ctx, launch.ClusterOptions{Dir: c.dir, Project: c.project, Images: images, Ports: ports()})
	}
	if err != nil {
		return err
	}
	defer sites.Close()
	before := sites.Images
	sites.Images = images
	fmt.Println("starting the sites")
	if err := sites.Up(ctx); err != nil {
		return fmt.Errorf("%w\n`make cluster-down` removes what there is of it", err)
	}
	if before != images {
		_ = before.Remove(ctx) // others may use them
	}
	return explain(sites, binary)
}

// down removes the cluster.
func (c control) down(ctx context.Context) error {
	sites, err := launch.OpenCluster(ctx, c.dir)
	if errors.Is(err, launch.ErrNoCluster) {
		fmt.Println("there is no cluster in", c.dir)
		return nil
	}
	if err != nil {
		return err
	}
	defer sites.Close()
	if c.keep {
		return sites.Down(ctx)
	}
	if err := sites.Remove(ctx); err != nil {
		return err
	}
	_ = sites.Images.Remove(ctx) // another cluster may be made of them
	return nil
}

// demo tells the story, with a cluster of its own where none is up.
func (c control) demo(ctx context.Context, binary string) (err error) {
	sites, err := launch.OpenCluster(ctx, c.dir)
	if errors.Is(err, launch.ErrNoCluster) {
		if err := c.up(ctx, binary); err != nil {
			return err
		}
		sites, err = launch.OpenCluster(ctx, c.dir)
	}
	if err != nil {
		return err
	}
	defer sites.Close()
	dir, err := os.MkdirTemp("", "starling-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStory(sites, binary, dir)
	if err != nil {
		return err
	}
	return s.tell(ctx)
}
