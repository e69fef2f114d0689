// Package shim keeps the exit status of programs whose starter may die.
//
// One shim process serves one executor. The executor starts it on demand,
// connects to its socket and hands it jobs; the shim starts each in a session
// of its own, waits for it, clears up what it leaves behind and writes the
// job's exit status to exit.json in the job's directory before it tells anyone.
// It outlives its executor: a broker that was killed and started again connects
// to the same shim, learns what still runs and reads what has ended from the
// files. It ends by itself as soon as nobody is connected and nothing runs.
//
// A shim is a child subreaper, so a program that daemonises comes back to it
// and is killed when its job ends. Jobs die with the shim (PR_SET_PDEATHSIG):
// work that nobody watches would be charged to nobody.
//
// Why one shim for all jobs and not one for each is in node/executor/DESIGN.md.
package shim
