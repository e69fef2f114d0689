// Package flock holds no code, only tests of federations of whole nodes in one
// process: each node is what `starling serve` runs (package site), with its stores on
// disk, its log, its gossip, its lines to the others and its port for users; what
// connects them, tests cut, slow down and lie through.
//
// The helpers come first. network_test.go is what connects the nodes; node_test.go
// starts, stops and kills one, and crash_test.go says what a kill leaves of its files;
// flock_test.go is many of them; user_test.go is somebody who asks over HTTP, and
// request_test.go what he asks for. checker_test.go holds the federation to its
// promises, by what any user could see. Every other file is one claim, or one kind of
// abuse. Nothing here waits for a time, but for a condition.
package flock
