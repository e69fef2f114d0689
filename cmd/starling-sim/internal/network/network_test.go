package network

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/scheduling"
	"starling/scheduling/workload"
)

func small() Options {
	return Options{
		Nodes: 40, Jobs: 20, Seed: 1, Loads: []float64{0.9}, Every: []time.Duration{time.Second, 10 * time.Minute},
		Repeat: 15 * time.Second, Rates: []float64{0, 0.05},
	}
}

func run(t *testing.T, o Options) Report {
	t.Helper()
	r, err := Run(context.Background(), o)
	require.NoError(t, err)
	return r
}

// Jobs placed by the short list wait less than those that go anywhere, or to where an old board sends them, and never
// less than those that an omniscient queue places. Where digests are old, drawing from them beats believing them.
func TestTheShortListBeatsChanceAndStaleBoards(t *testing.T) {
	r := run(t, small())
	slowdown := func(contender string, every time.Duration) float64 {
		for _, q := range r.Qualities {
			if q.Contender == contender && q.Every == every.Seconds() {
				return q.Slowdown
			}
		}
		t.Fatalf("%s, %s: not played", contender, every)
		return 0
	}
	best := slowdown("omniscient queue", 0)
	for _, every := range small().Every {
		for _, ours := range []string{"ours fastest", "ours balanced"} {
			mine := slowdown(ours, every)
			assert.GreaterOrEqual(t, mine, best, "%s, %s", ours, every)
			assert.Less(t, mine, slowdown("random", 0), "%s, %s", ours, every)
			assert.Less(t, mine, slowdown("local only", 0), "%s, %s", ours, every)
		}
	}
	const stale = 10 * time.Minute
	assert.Less(t, slowdown("ours fastest", stale), slowdown("least loaded", stale))
	assert.Less(t, slowdown("ours balanced", stale), slowdown("least loaded", stale))
	assert.Less(t, slowdown("ours balanced", stale), slowdown("best 3 balanced", stale))
	assert.Less(t, slowdown("ours fastest", stale), slowdown("random 3 fastest", stale))
}

// A run depends on its options and its seed alone.
func TestARunCanBeRepeated(t *testing.T) {
	o := small()
	o.Nodes, o.Jobs = 20, 10
	one, other := run(t, o), run(t, o)
	one.Took, other.Took = 0, 0
	assert.Equal(t, one, other)
	o.Seed = 2
	assert.NotEqual(t, one.Qualities, run(t, o).Qualities)
}

// A change of a digest among a thousand nodes is known to all of them within five seconds, also where one packet in a
// thousand is lost; only one time in a hundred somebody loses it twice, and hears of it by comparing.
func TestADigestIsKnownToAThousandInTime(t *testing.T) {
	g := Options{Nodes: 1000, Seed: 2}.gossip(0)
	g.Length = 3 * time.Second
	s := g.Run()
	assert.Zero(t, s.Missed)
	assert.Less(t, s.ToAll.Max, 5.0)
	g.Loss = 0
	s = g.Run()
	assert.Less(t, s.ToAll.Max, 5.0)
	assert.Greater(t, s.ToAll.P50, 0.15, "a thousand packets take their time")
}

// Where every tenth packet is lost, most hear of it from its node, which tells it again, or from another, and all when
// they compare.
func TestLostPacketsAreMadeUpFor(t *testing.T) {
	g := Options{Nodes: 100, Seed: 2}.gossip(0.05)
	g.Loss, g.Length = 0.1, 10*time.Second
	s := g.Run()
	assert.Zero(t, s.Missed)
	assert.Less(t, s.ToOne.P95, 1.5)
	assert.Greater(t, s.ToAll.P50, s.ToOne.P99)
	assert.Less(t, s.ToAll.Max, 3*g.comparing())
	g.Loss, g.PushPull = 0, time.Hour
	s = g.Run()
	assert.Less(t, s.ToAll.Max, 0.1, "nothing is lost: all hear it from its node")
}

func TestNoTimelineIsOverbooked(t *testing.T) {
	o := small()
	sites := places(o.Nodes, seeded(1))
	jobs := arrivals(shapes(o.Nodes*o.Jobs, nil, 128, seeded(2)), sites, 1, seeded(3))
	for _, c := range contenders() {
		w, err := play(sites, jobs, newBoard(sites, scheduling.Minute, scheduling.Minute, nil), c, 1)
		require.NoError(t, err, c.name)
		used := map[int]map[scheduling.Instant]int64{}
		for i, task := range w.tasks {
			if used[task.site] == nil {
				used[task.site] = map[scheduling.Instant]int64{}
			}
			require.GreaterOrEqual(t, task.start, jobs[i].at, c.name)
			used[task.site][task.start] += jobs[i].need.Cores
			used[task.site][task.start.Add(jobs[i].run)] -= jobs[i].need.Cores
		}
		for site, steps := range used {
			assertFits(t, steps, sites[site].size.Cores, c.name)
		}
	}
}

func TestJobsAreDrawnFromALog(t *testing.T) {
	log := &workload.Trace{Jobs: []workload.Job{{Run: 100, RequestedTime: 300, AllocatedProcs: 3}, {Run: -1}, {Run: 50, AllocatedProcs: 1000}}}
	for _, s := range shapes(50, log, 128, seeded(1)) {
		assert.Contains(t, []shape{{3, 300 * scheduling.Second, 100 * scheduling.Second}, {128, 50 * scheduling.Second, 50 * scheduling.Second}}, s)
	}
}

func TestTheTableFits(t *testing.T) {
	o := small()
	o.Nodes, o.Jobs = 10, 4
	var out bytes.Buffer
	require.NoError(t, run(t, o).WriteTable(&out))
	for _, line := range strings.Split(out.String(), "\n") {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
	}
	assert.Contains(t, out.String(), "10m     ours balanced")
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"1 nodes":              func(o *Options) { o.Nodes = 1 },
		"0 jobs":               func(o *Options) { o.Jobs = 0 },
		"loads [0]":            func(o *Options) { o.Loads = []float64{0} },
		"rates [-1]":           func(o *Options) { o.Rates = []float64{-1} },
		"too often":            func(o *Options) { o.Every = []time.Duration{0} },
		`contender "luckiest"`: func(o *Options) { o.Only = []string{"luckiest"} },
	} {
		o := small()
		change(&o)
		_, err := Run(context.Background(), o)
		assert.ErrorContains(t, err, want)
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 9)) }

// assertFits checks that what is used after each step is at most so much.
func assertFits(t *testing.T, steps map[scheduling.Instant]int64, most int64, contender string) {
	t.Helper()
	now := int64(0)
	for _, at := range slices.Sorted(maps.Keys(steps)) {
		now += steps[at]
		require.LessOrEqual(t, now, most, contender)
	}
}
