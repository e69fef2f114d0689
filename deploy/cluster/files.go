// Package cluster is five sites in Docker, as files: the images, the compose file and
// what the sites' configurations have in common and of their own. deploy/launch makes
// clusters of them, for the tests and the faults, and `make cluster-up` does for people.
package cluster

import "embed"

// Files are those of this directory, under their names.
//
//go:embed Dockerfile executor.Dockerfile compose.yaml site.yaml users.yaml sites
var Files embed.FS

// Sites are the names of those in the compose file; the first begins the federation.
func Sites() []string { return []string{"uksrc", "espsrc", "jpsrc", "cansrc", "aussrc"} }
