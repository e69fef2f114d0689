// Package work is what the executors share that do their work in a directory of
// the node's machine: they stage data into it, run something that sees it, and
// list what that has left.
//
// An Area is the directory of all attempts of one executor. Each attempt has a
// directory of its own, ROOT/<session>.<attempt>/, with
//
//	state.json    what is being done; settled.json once the node has the completion
//	stdout stderr where the program can't reach them
//	work/         where volumes and data lie: a volume mounted at /input is work/input
//	tmp/          for what is not kept
//
// (and ROOT/storage/<id>/ where storage outlives its session, see storage.go)
// and whatever else the backend puts beside them. The backend runs the program;
// Attempt.Perform does the rest of a sequence around it. What the program leaves
// in READWRITE volumes is its output. Outputs are kept for a while after the
// end, everything else is removed when the attempt is released.
package work
