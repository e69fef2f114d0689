// Faults hurts a federation of five sites in containers, again and again, and looks
// each time whether a promise was broken.
//
//	go run ./deploy/faults                     a dozen faults, one of each important kind
//	go run ./deploy/faults --runs all --seed 7 all of them, as often as they are planned
//	go run ./deploy/faults --runs kill-leader/3 --seed 7 --again   one run of those, again
//
// A run is a story in seven parts (run.go): a cluster, the one of the run before if that
// was left whole (worker.go); users and executors who ask for a quarter of what the
// cluster can take (package load); a baseline of 20 s; a fault (package inject); its
// healing; settling, until all sites agree again; and the check of all promises, from
// outside (package check). What it comes to is judged (judge.go) and written down at
// once, one line of JSON, so that a plan may be spread over days: a run that is there
// already is not repeated. Of a run that has failed everything is kept (keep.go).
//
// The plan, and all that is drawn in a run, follow from the seed (plan.go). What the
// machine makes of it doesn't: the same run may end otherwise.
package main
