package main

import (
	"fmt"
	"os"
	"path/filepath"

	"starling/deploy/launch"
)

// explain says what there is now, and what to do with it.
func explain(c *launch.Cluster, binary string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	near := func(path string) string { // as somebody would type it
		if short, err := filepath.Rel(here, path); err == nil && len(short) < len(path) {
			return short
		}
		return path
	}
	fmt.Printf("\n%d sites are up, each with an executor:\n\n", len(c.Sites))
	for _, s := range c.Sites {
		fmt.Printf("    %-8s %s\n", s.Name, s.URL)
	}
	starling := near(binary)
	fmt.Printf(`
To use them as alice, here and in browsers that believe the CA:

    export STARLING_CA=%s STARLING_NODE=%s
    %s token --user alice --groups ska/pulsars --issuer %s --save
    %[3]s run --cores 2 --for 10m -- echo hello

or `+"`%[3]s login`"+` by the issuer's page, %[5]s.
The groups %s, %s and %s
make operators, auditors and accountants.

`+"`make cluster-demo`"+` tells a story with them. `+"`docker-compose ps`"+` and `+"`logs`"+` work in
%[9]s. `+"`make cluster-down`"+` removes everything.
`, c.CA(), c.Sites[0].URL, starling, near(c.IssuerDir()), c.IssuerURL(), launch.Operators, launch.Auditors, launch.Accountants, near(c.Dir))
	return nil
}
