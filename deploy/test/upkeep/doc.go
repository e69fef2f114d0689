// Package upkeep tests, with real containers, what operators do to a federation that is
// in use: they bring a newer program to it node by node, exchange keys and certificates,
// and put back what a backup has. It does what deploy/OPERATORS.md says.
//
// The tests are built with the tag docker (make test-docker). Without an engine they fail.
package upkeep
