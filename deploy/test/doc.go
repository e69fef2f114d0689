// Package systemtest holds no code, only the outer ring of tests: the starling
// binary as its users run it, in processes of its own, asked over HTTP and from
// the command line, killed, starved of disk and fed with nonsense.
//
// The helpers come first. node_test.go builds the binary once and runs it;
// client_test.go asks it; work_test.go writes requests; gate_test.go holds the
// programs of a test at a place of the test's choosing; process_test.go finds
// out what really runs; settled_test.go checks what must hold whenever a
// session has ended. Every other file is one claim, or one kind of abuse.
//
// With -race, the binary is built with the race detector too, and a race in its
// log fails the test. Nothing here waits for a time, but for a condition.
package systemtest
