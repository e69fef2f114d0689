package shortlist

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
	"starling/scheduling/placement"
	"starling/scheduling/transfer"
)

const (
	noon    = scheduling.Instant(1_800_000_000_000)
	process = "urn:starling:executable:process-1.0"
)

// size is so many cores, with 4 GiB of memory each.
func size(cores int64) scheduling.Resources {
	return scheduling.Resources{Cores: cores, Memory: 4 * cores}
}

// site is a node of 16 cores, of which so many are free in each hour from now on.
func site(name string, free ...int64) digest.Known {
	k := digest.Known{
		Node: identity.NodeName(name), Alive: true, Said: true,
		Fast: digest.Fast{Capacity: size(16), Largest: size(16)},
		Slow: &digest.Slow{Kinds: []string{process}, Schemes: []string{"https"}, Rates: []digest.Rate{{Type: ivoa.CostMonetary, Unit: "EUR", CoreHour: 1}}},
	}
	for i, n := range free {
		k.Fast.Profile = append(k.Fast.Profile, digest.Point{After: scheduling.Span(i) * scheduling.Hour, Free: size(n)})
	}
	return k
}

func (r Request) by(policy string) Request {
	r.Policy, _ = placement.ByName(policy)
	return r
}

// job needs so many cores for an hour.
func job(cores int64) Request {
	return Request{Demand: scheduling.Demand{Min: size(cores), Duration: scheduling.Hour, Releasing: scheduling.Second}, Kind: process, Now: noon}
}

func with(k digest.Known, change func(*digest.Known)) digest.Known {
	change(&k)
	return k
}

// steady draws the same numbers in each run.
func steady(seed uint64) func(int) int { return rand.New(rand.NewPCG(seed, 7)).IntN }

func names(asked []Choice) (names []string) {
	for _, c := range asked {
		names = append(names, string(c.Node))
	}
	return names
}

func reasons(left []Left) map[string]string {
	all := map[string]string{}
	for _, l := range left {
		all[string(l.Node)] = l.Reason().String()
	}
	return all
}

func TestTheBestAreAsked(t *testing.T) {
	known := []digest.Known{
		site("later", 0, 0, 0, 8), site("full", 0), site("now", 8), with(site("me", 16), func(k *digest.Known) { k.Self = true }),
		site("soon", 2, 8), site("tight", 4, 3, 16),
	}
	asked, left := Choose(job(4), known, nil, steady(1))
	assert.Equal(t, []string{"now", "soon", "tight"}, names(asked))
	assert.Equal(t, map[string]string{
		"later": "not asked: by balanced it is expected behind tight: ends 1 h after it",
		"full":  "not asked: by balanced it is expected behind tight: ends 23 h after it",
	}, reasons(left))
	assert.Equal(t, noon.Add(2*scheduling.Hour), asked[2].Estimate.Start)
	assert.Equal(t, 4.0, asked[2].Estimate.Quote.Costs[0].Value)
}

func TestWhoIsLeftOutIsToldWhy(t *testing.T) {
	good := site("good", 16)
	r := job(4)
	r.Data, r.Schemes = []string{"rucio"}, []string{"root"}
	r.Demand.Start.Latest = noon.Add(scheduling.Minute)
	r.Constraints = scheduling.Constraints{
		AtMost:  []scheduling.Amount{{Type: ivoa.CostMonetary, Value: 5}},
		AtLeast: []scheduling.Amount{{Type: ivoa.MetricComputePerformance, Value: 40}},
	}
	able := func(k *digest.Known) {
		slow := *k.Slow
		slow.Kinds, slow.Schemes, slow.ComputePerformance = []string{process, "rucio"}, []string{"root"}, 10
		k.Slow = &slow
	}
	able(&good)
	for _, c := range []struct {
		cause  Cause
		change func(*digest.Known)
		want   string
	}{
		{Gone, func(k *digest.Known) { k.Alive = false }, "it can't be reached at present"},
		{Unheard, func(k *digest.Known) { k.Said = false }, "it hasn't told yet what it has"},
		{Outdated, func(k *digest.Known) { k.Age = time.Hour }, "what is known of it is 1h0m0s old"},
		{Closed, func(k *digest.Known) { k.Fast.Closed = true }, "it takes no work at present"},
		{TooLarge, func(k *digest.Known) { k.Fast.Largest = scheduling.Resources{Cores: 2, Memory: 8} },
			"4 cores are needed, and it has 2 at most; 16 GiB of memory are needed, and it has 8 at most"},
		{WrongKind, func(k *digest.Known) { k.Slow.Kinds = []string{"rucio", "docker"} }, "it doesn't run " + process},
		{Simulates, func(k *digest.Known) { k.Slow.Simulated = []string{process} }, "it only simulates " + process + ", and other sites run it"},
		{WrongData, func(k *digest.Known) { k.Slow.Kinds = []string{process} }, "it can't fetch data of kind rucio"},
		{WrongScheme, func(k *digest.Known) { k.Slow.Schemes = []string{"https"} }, "it can't fetch data from root URLs"},
		{TooLong, func(k *digest.Known) { k.Slow.MaxDuration = 1800 }, "it runs nothing for longer than 30m0s"},
		{TooSlow, func(k *digest.Known) { k.Slow.ComputePerformance = 9 }, "its cores are slower than the request allows"},
		{TooLate, func(k *digest.Known) { k.Fast.Profile[0].Free = size(1) },
			"it is not expected to have room before 2027-01-16T09:00:01.000Z, and the request wants to start by 2027-01-15T08:01:00.000Z"},
		{TooDear, func(k *digest.Known) {
			k.Slow.Rates = []digest.Rate{{Type: ivoa.CostMonetary, Unit: "EUR", CoreHour: 2}}
		},
			"its cost is expected to be 8 EUR, more than 5 EUR"},
	} {
		t.Run(string(c.cause), func(t *testing.T) {
			bad := site("bad", 16)
			able(&bad)
			c.change(&bad)
			r := r
			r.Ask = 1
			asked, left := Choose(r, []digest.Known{bad, good}, nil, steady(1))
			assert.Equal(t, []string{"good"}, names(asked))
			require.Len(t, left, 1)
			assert.Equal(t, c.cause, left[0].Cause)
			assert.Equal(t, "not asked: "+c.want, left[0].Reason().String())
		})
	}
}

// What is only estimated to be too late or too dear is asked rather than nobody.
func TestAnEstimateIsNoAnswer(t *testing.T) {
	r := job(4)
	r.Demand.Start.Latest = noon
	asked, left := Choose(r, []digest.Known{site("full", 0), site("dead", 16), site("hour", 0, 8)}, nil, steady(1))
	assert.Equal(t, []string{"dead", "hour", "full"}, names(asked))
	assert.Empty(t, left)
	simulator := with(site("a", 16), func(k *digest.Known) { k.Slow.Simulated = k.Slow.Kinds })
	asked, left = Choose(job(1), []digest.Known{simulator}, nil, steady(1))
	assert.Equal(t, []string{"a"}, names(asked), "where all simulate, simulators are asked")
	assert.Empty(t, left)
	newcomer := with(site("b", 16), func(k *digest.Known) { k.Slow = nil })
	asked, _ = Choose(job(1), []digest.Known{newcomer}, nil, steady(1))
	assert.Equal(t, []string{"b"}, names(asked))
}

// Where a stale board would send all to the same few, the list is drawn from as many as have room for what may have
// come meanwhile.
func TestOldDigestsAreDrawnFromWidely(t *testing.T) {
	for _, c := range []struct {
		age   time.Duration
		least int
		most  int
	}{{0, 3, 3}, {time.Minute, 8, 14}, {2 * time.Minute, 16, 20}} {
		var known []digest.Known
		for i := range 60 {
			known = append(known, with(site("s"+strconv.Itoa(i), 2, 16), func(k *digest.Known) {
				k.Age, k.Fast.Running = c.age, 16
				k.Slow.Rates[0].CoreHour += float64(i)
			}))
		}
		seen := map[string]bool{}
		draw := steady(2)
		for range 400 {
			asked, _ := Choose(job(1).by("cheapest"), known, nil, draw)
			require.Len(t, asked, 3)
			for _, name := range names(asked) {
				seen[name] = true
			}
		}
		assert.GreaterOrEqual(t, len(seen), c.least, c.age)
		assert.LessOrEqual(t, len(seen), c.most, c.age)
	}
}

// What this node has sent to a site itself is taken off what the site's digest says, until a digest shows it.
func TestOwnPlacementsCount(t *testing.T) {
	u := NewUnconfirmed()
	id := scheduling.EntryID{1}
	slot := scheduling.Slot{Window: noon.From(scheduling.Hour), Resources: size(14)}
	known := []digest.Known{with(site("a", 16), func(k *digest.Known) { k.Age = 3 * time.Second }), site("b", 4)}
	ask := func(now scheduling.Instant) string {
		r := job(4).by("fastest")
		r.Now, r.Ask = now, 1
		asked, _ := Choose(r, known, u, steady(3))
		return names(asked)[0]
	}
	known[1].Fast.Profile[0].Free = size(0)
	assert.Equal(t, "a", ask(noon))
	u.Sent("a", id, slot, noon)
	known[1] = site("b", 0, 0, 4)
	assert.Equal(t, "a", ask(noon), "an hour later there, two hours later at b")
	known[1] = site("b", 4)
	assert.Equal(t, "b", ask(noon))
	u.Dropped("a", id)
	known[1] = site("b", 0, 4)
	assert.Equal(t, "a", ask(noon))
	u.Sent("a", id, slot, noon)
	known[1] = site("b", 4)
	assert.Equal(t, "b", ask(noon.Add(4*scheduling.Second)), "a digest of a second after may be without it")
	known[1] = site("b", 0, 4)
	assert.Equal(t, "a", ask(noon.Add(6*scheduling.Second)), "a later one says it")
	assert.Zero(t, u.count)
}

// Data draw the work to where they are, where they are large.
func TestDataCount(t *testing.T) {
	there := with(site("there", 0, 16), func(k *digest.Known) { k.Slow.Elements = []digest.Element{{Name: "RAL", Bandwidth: 1e9}} })
	near := with(site("near", 16), func(k *digest.Known) {
		k.Slow.Links = []digest.Link{{Source: "RAL", Bandwidth: 100e6}}
		k.Transfers = k.Slow.Transfers()
	})
	known := []digest.Known{site("far", 16), near, there}
	for _, c := range []struct {
		policy string
		bytes  int64
		want   []string
	}{
		{"fastest", 1e9, []string{"near", "far", "there"}},
		{"balanced", 1e9, []string{"near", "far", "there"}},
		{"data-local", 1e9, []string{"there", "near", "far"}},
		{"fastest", 1e12, []string{"there", "near", "far"}},
	} {
		r := job(4).by(c.policy)
		r.Items = []transfer.Item{{Name: "cube", Bytes: c.bytes, Sources: []string{"RAL"}}}
		asked, _ := Choose(r, known, nil, steady(1))
		assert.Equal(t, c.want, names(asked), "%s %d", c.policy, c.bytes)
	}
	r := job(4)
	r.Items = []transfer.Item{{Name: "cube", Bytes: 1e9, Sources: []string{"RAL"}}}
	asked, _ := Choose(r, known, nil, steady(1))
	assert.Equal(t, "near", asked[0].Estimate.Site)
	assert.Equal(t, 15*scheduling.Second, asked[0].Estimate.Transfer)
	assert.Equal(t, noon.Add(15*scheduling.Second), asked[0].Estimate.Start, "the work begins when its data are there")
	assert.EqualValues(t, 1e9, asked[0].Estimate.Moved)
	assert.Zero(t, asked[2].Estimate.Moved)
}

// The work begins in a window that is allowed, and its data come before.
func TestStartsAreInTheWindowsThatAreAllowed(t *testing.T) {
	r := job(4)
	r.Items = []transfer.Item{{Name: "cube", Bytes: 95 * 50 << 20, Sources: []string{"RAL"}}} // 100 s
	later := noon.Add(2 * scheduling.Hour)
	r.Demand.Start.Earliest = later
	asked, _ := Choose(r, []digest.Known{site("a", 16)}, nil, steady(1))
	assert.Equal(t, 100*scheduling.Second, asked[0].Estimate.Transfer)
	assert.Equal(t, later, asked[0].Estimate.Start, "they come before it")
	assert.Equal(t, later, asked[0].Estimate.Asked, "nobody waits before the time that she has named")

	nightly := scheduling.Timing{Kind: scheduling.Monitor, Period: 4 * scheduling.Hour, Window: scheduling.Minute}
	nightly.Start.Earliest = noon.Add(-scheduling.Hour)
	r = job(4)
	r.Demand.Starts = nightly.Starts(scheduling.Executed{Count: 1, First: nightly.Start.Earliest, Last: nightly.Start.Earliest, Ended: nightly.Start.Earliest})
	asked, _ = Choose(r, []digest.Known{site("a", 16, 16)}, nil, steady(1))
	assert.Equal(t, noon.Add(3*scheduling.Hour), asked[0].Estimate.Start)
	asked, _ = Choose(r, []digest.Known{site("a", 16, 16, 16, 0, 16)}, nil, steady(1))
	assert.Equal(t, noon.Add(7*scheduling.Hour), asked[0].Estimate.Start, "that one is taken")
	r.Demand.Starts = func(scheduling.Instant) (scheduling.StartInterval, bool) { return scheduling.StartInterval{}, false }
	r.Ask = 1
	_, left := Choose(r, []digest.Known{site("a", 16), site("b", 16)}, nil, steady(1))
	assert.Equal(t, "not asked: it is not expected to have room within the times that the request allows", left[0].Reason().String())
}

// However much a node sends, what it remembers is bounded, and the oldest goes first.
func TestWhatIsUnconfirmedIsBounded(t *testing.T) {
	u := NewUnconfirmed()
	slot := scheduling.Slot{Window: noon.From(scheduling.Hour), Resources: size(1)}
	id := func(n int) (id scheduling.EntryID) {
		id[0], id[1] = byte(n>>8), byte(n)
		return id
	}
	for i := range 1000 {
		u.Sent("a", id(i), slot, noon)
	}
	assert.Len(t, u.sites["a"], mostAtSite)
	assert.Equal(t, id(999), u.sites["a"][mostAtSite-1].id)
	assert.Equal(t, mostAtSite, u.count)
	for i := range 2 * mostInAll {
		u.Sent(identity.NodeName("n"+strconv.Itoa(i)), id(i), slot, noon)
	}
	assert.Equal(t, mostInAll, u.count)
	u.Sent("late", id(1), slot, noon.Add(forgotten))
	assert.Equal(t, 1, u.count, "what digests must show by now makes room")
	u.Sent("late", id(1), slot, noon.Add(forgotten))
	assert.Equal(t, 1, u.count, "the same again is one")
	assert.Empty(t, u.at("late", noon, noon.Add(2*forgotten)))
	assert.Zero(t, u.count)
}
