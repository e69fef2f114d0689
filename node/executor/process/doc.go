// Package process is the backend that runs programs on the node's own machine:
// the executable kind urn:starling:executable:process-1.0, whose command is an
// array and whose environment is a map.
//
// Each attempt has a directory, ROOT/<session>.<attempt>/, with
//
//	state.json    what is being done; settled.json once the node has the completion
//	exit.json     how the program ended, written by the shim
//	stdout stderr where the program can't reach them
//	work/         the program's current directory and its HOME
//	tmp/          its TMPDIR
//
// A volume mounted at /input appears as ./input, and inside a sandbox also as
// /input. What the program leaves in READWRITE volumes is its output; where a
// session has none, everything in the current directory is, but for staged data
// and READONLY volumes. Outputs are kept for a while after the end, everything
// else is removed when the attempt is released.
//
// Where bubblewrap is installed and works, programs run in it: the system is
// read-only, /tmp is theirs alone, and of the node's data they see their own
// directory and no other. Without it, the program has the rights of the node's
// own user; that is for trusted users only.
//
// Limits: each process may have as much private writable memory as is booked
// (RLIMIT_DATA; RLIMIT_AS would kill Go and Java programs, which reserve far
// more address space than they use), and write files as large as the booked
// storage (RLIMIT_FSIZE). Both bind a process, not the sum of all; no core
// dumps are written. The shim ends the whole tree of processes when the program
// ends, when the walltime is over, and on the node's order.
package process
