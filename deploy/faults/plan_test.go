package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/deploy/faults/inject"
)

// Three faults: two can share clusters.
func someFaults() []inject.Fault {
	far := &inject.Needs{Name: "far"}
	return []inject.Fault{
		{Name: "a", Title: "fault a", Runs: 3, Short: true},
		{Name: "b", Title: "fault b", Runs: 2, Needs: far},
		{Name: "c", Title: "fault c", Runs: 1, Short: true},
	}
}

func namesOf(runs []run) (names []string) {
	for _, r := range runs {
		names = append(names, r.name())
	}
	return names
}

func TestAPlanTriesEveryFaultBeforeItRepeatsOne(t *testing.T) {
	for chosen, wanted := range map[choice][]string{
		"all":     {"a/1", "c/1", "b/1", "a/2", "b/2", "a/3"},
		"short":   {"a/1", "c/1"},
		"b,c":     {"c/1", "b/1", "b/2"},
		"a/2":     {"a/2"},
		"a/3,b/9": {"a/3", "b/9"},
	} {
		runs, err := plan(someFaults(), chosen, 7)
		require.NoError(t, err, chosen)
		assert.Equal(t, wanted, namesOf(runs), chosen)
	}
	for _, wrong := range []choice{"", "d", "a/0", "a/x", "all,a"} {
		_, err := plan(someFaults(), wrong, 7)
		assert.Error(t, err, wrong)
	}
}

// A run is the same in whatever plan it stands, as long as the seed is; no two runs of
// a plan draw the same.
func TestARunFollowsFromItsSeedAndName(t *testing.T) {
	all, err := plan(someFaults(), "all", 7)
	require.NoError(t, err)
	again, err := plan(someFaults(), "all", 7)
	require.NoError(t, err)
	one, err := plan(someFaults()[1:], "b/2", 7)
	require.NoError(t, err)
	other, err := plan(someFaults(), "all", 8)
	require.NoError(t, err)
	seeds := map[uint64]bool{}
	for i := range all {
		assert.Equal(t, all[i].Seed, again[i].Seed)
		seeds[all[i].Seed], seeds[other[i].Seed] = true, true
	}
	assert.Equal(t, all[4].Seed, one[0].Seed)
	assert.Len(t, seeds, 2*len(all))
}

// The issue wants at least so many runs of its faults, and about a dozen in short.
func TestTheRealPlanIsWhatWasAskedFor(t *testing.T) {
	faults := inject.All()
	short, err := plan(faults, "short", 1)
	require.NoError(t, err)
	assert.InDelta(t, 13, len(short), 4)
	counts := map[string]int{}
	for _, f := range faults {
		counts[f.Name] = f.Runs
	}
	for name, runs := range map[string]int{
		"kill-follower": 20, "kill-leader": 20, "kill-all": 10, "rolling-restart": 10, "isolate-leader": 20, "split-2-3": 10, "one-way": 10,
		"bridge": 10, "flapping": 5, "disconnect": 5, "udp-blocked": 3, "voters-change": 5, "far-behind": 5,
	} {
		assert.Equal(t, runs, counts[name], name)
	}
	assert.Equal(t, 20, counts["pause-leader-3s"]+counts["pause-leader-8s"]+counts["pause-leader-15s"])
	assert.Equal(t, 9, counts["delay-50ms"]+counts["delay-150ms"]+counts["delay-300ms"])
	assert.Equal(t, 6, counts["gossip-loss-5"]+counts["gossip-loss-20"])
	together := func(prefixes ...string) (runs int) {
		for name, many := range counts {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
				runs += many
			}
		}
		return runs
	}
	for runs, prefixes := range map[int][]string{
		6: {"disk-full"}, 5: {"disk-slow"}, 8: {"certificate", "ca-", "gossip-key-"}, 12: {"peer-"}, 10: {"retries"}, 2: {"majority-lost"},
	} {
		assert.Equal(t, runs, together(prefixes...), prefixes)
	}
	assert.Equal(t, 6, together("torn-", "flipped-"))
	assert.Equal(t, 6, together("clock-"))
	assert.Equal(t, 5, together("wiped"))
}
