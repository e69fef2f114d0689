// Package containers tests Starling as it is deployed: five sites in Docker, each with a
// node, an executor and a network of its own, with TLS and tokens (deploy/cluster), seen
// as clients, executors and operators see them. The tests have the build tag docker and
// skip themselves for nothing: where there is no engine they fail and say so. `make
// test-docker` runs them.
//
// One cluster serves all tests (main_test.go), one after the other; a test leaves it as
// it found it: five sites, up. What would not, makes a site or a cluster of its own.
// Whatever is done to a site through the API is in client_test.go.
package containers
