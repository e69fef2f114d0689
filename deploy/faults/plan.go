package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starling/deploy/faults/inject"
)

// run is one fault, once. Its seed decides all that is drawn in it.
type run struct {
	Fault  inject.Fault
	Number int // from 1
	Seed   uint64
}

// name is how a run is called on the command line and in file names.
func (r run) name() string { return r.Fault.Name + "/" + strconv.Itoa(r.Number) }

// needs is the name of what the run's cluster must be made with.
func (r run) needs() string {
	if r.Fault.Needs == nil {
		return ""
	}
	return r.Fault.Needs.Name
}

// choice says which runs are wanted: "short", "all", or names of faults and of single
// runs, with commas between (kill-leader,pause-leader-8s/3).
type choice string

// plan is the chosen runs in their order, the same for the same seed. The first run of
// every fault comes before the second of any, so that a plan that is broken off has
// tried every kind; within a round those come together that can share a cluster.
func plan(faults []inject.Fault, chosen choice, seed uint64) ([]run, error) {
	counts, single, err := chosen.of(faults)
	if err != nil {
		return nil, err
	}
	var runs []run
	for _, fault := range faults {
		for number := 1; number <= counts[fault.Name]; number++ {
			if only := single[fault.Name]; len(only) > 0 && !slices.Contains(only, number) {
				continue
			}
			runs = append(runs, run{fault, number, seedOf(seed, fault.Name, number)})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.needs(), b.needs()))
	})
	return runs, nil
}

// of is how many runs of each fault are chosen, and which alone.
func (c choice) of(faults []inject.Fault) (counts map[string]int, single map[string][]int, err error) {
	counts, single = map[string]int{}, map[string][]int{}
	known := map[string]inject.Fault{}
	for _, fault := range faults {
		known[fault.Name] = fault
		switch {
		case c == "all":
			counts[fault.Name] = fault.Runs
		case c == "short" && fault.Short:
			counts[fault.Name] = 1
		}
	}
	if c == "all" || c == "short" {
		return counts, single, nil
	}
	for _, word := range strings.Split(string(c), ",") {
		name, number, one := strings.Cut(strings.TrimSpace(word), "/")
		fault, ok := known[name]
		if !ok {
			return nil, nil, fmt.Errorf("there is no fault %q; --list names them all", name)
		}
		if !one {
			counts[name] = fault.Runs
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return nil, nil, fmt.Errorf("%q: runs are numbered from 1", word)
		}
		counts[name] = max(counts[name], n)
		single[name] = append(single[name], n)
	}
	return counts, single, nil
}

// seedOf is a run's own seed: others that come or go change nothing about it.
func seedOf(seed uint64, fault string, number int) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", seed, fault, number))
	return binary.BigEndian.Uint64(sum[:])
}
