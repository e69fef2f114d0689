// Package process is the backend that runs programs on the node's own machine:
// the executable kind urn:starling:executable:process-1.0, whose command is an
// array and whose environment is a map.
//
// Programs work in the directories of package work, where the shim adds
// exit.json, how the program ended. work/ is the program's current directory and
// its HOME, tmp/ its TMPDIR. A volume mounted at /input appears as ./input, and
// inside a sandbox also as /input. Where a session has no READWRITE volume,
// everything in the current directory is its output, but for staged data and
// READONLY volumes.
//
// Where bubblewrap is installed and works, programs run in it: the system is
// read-only, /tmp is theirs alone, and of the node's data they see their own
// directory and no other. Without it, the program has the rights of the node's
// own user; that is for trusted users only.
//
// Limits: each process may have as much private writable memory as is booked
// (RLIMIT_DATA; RLIMIT_AS would kill Go and Java programs, which reserve far
// more address space than they use), and write files as large as the booked
// storage (RLIMIT_FSIZE). Both bind a process, not the sum of all; what the whole
// session has stored is measured every second or so, and a session that takes
// more than it has booked is stopped. No core dumps are written. The shim ends
// the whole tree of processes when the program ends, when the walltime is over,
// and on the node's order.
package process
