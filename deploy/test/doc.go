// Package systemtest holds no code, only the outer ring of tests: the starling
// binary as its users run it, in processes of its own, asked over HTTP and from
// the command line, killed, starved of disk and fed with nonsense.
//
// The helpers come first. node_test.go builds the binary once and runs it;
// client_test.go asks it; work_test.go writes requests; gate_test.go holds the
// programs of a test at a place of the test's choosing; process_test.go finds
// out what really runs; settled_test.go checks what must hold whenever a
// session has ended, promises_test.go what must of many. Every other file is one
// claim, or one kind of abuse.
//
// Of federations, federation_test.go starts the nodes and has them agree;
// together_test.go tells what belonging means, anywhere_test.go that any node answers for
// all, newcomer_test.go and
// departure_test.go who comes and goes. earnest_test.go is one without --dev, made
// with `starling keygen`, and strangers_test.go those who try to get into it.
// flock_test.go has clients at every node that never rest, and flockfaults_test.go
// kills, freezes and restarts the processes below them, and cuts the lines between
// them (passage_test.go). damage_test.go spoils, loses and sets back a node's files,
// majority_test.go those of most nodes.
//
// With -race, the binary is built with the race detector too, and a race in its
// log fails the test. Nothing here waits for a time, but for a condition.
package systemtest
