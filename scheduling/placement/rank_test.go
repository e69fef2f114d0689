package placement

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/api/ivoa"
	"starling/scheduling"
)

const noon = scheduling.Instant(1_800_000_000_000)

// way is an option that begins some time after noon and takes an hour.
func way(site string, wait scheduling.Span, costs ...scheduling.Amount) Option {
	return Option{
		Site: site, Asked: noon, Start: noon.Add(wait), End: noon.Add(wait + scheduling.Hour),
		Resources: scheduling.Resources{Cores: 1, Memory: 1}, Quote: scheduling.Quote{Costs: costs},
	}
}

func (o Option) with(transfer scheduling.Span, moved, bytes int64) Option {
	o.Transfer, o.Moved, o.Bytes = transfer, moved, bytes
	return o
}

func euro(value float64) scheduling.Amount {
	return scheduling.Amount{Type: ivoa.CostMonetary, Value: value, Unit: "EUR"}
}

func francs(value float64) scheduling.Amount {
	return scheduling.Amount{Type: ivoa.CostMonetary, Value: value, Unit: "CHF"}
}

func carbon(value float64) scheduling.Amount {
	return scheduling.Amount{Type: ivoa.CostCarbon, Value: value, Unit: "kg"}
}

func energy(value float64) scheduling.Amount {
	return scheduling.Amount{Type: ivoa.CostEnergy, Value: value, Unit: "kWh"}
}

func first(int) int { return 0 }

func TestPolicies(t *testing.T) {
	const min, gib = scheduling.Minute, 1 << 30
	for _, c := range []struct {
		name, policy string
		options      []Option
		want         []string // site: why
	}{
		{"one", "", []Option{way("a", 0, euro(1))}, []string{"a: the only one, so the best by balanced"}},
		{"the earliest end", "fastest", []Option{way("a", 3*min, euro(1)), way("b", 0, euro(1.2))}, []string{
			"b: 1st of 2 by fastest: ends 3 min before the second, costs 0.2 EUR more",
			"a: 2nd of 2 by fastest: ends 3 min after the first, costs 0.2 EUR less"}},
		{"what costs nothing is cheaper than cheap", "cheapest",
			[]Option{way("dear", 0, euro(100)), way("cheap", 0, euro(1)), way("free", 5*min, euro(0))}, []string{
				"free: 1st of 3 by cheapest: ends 5 min after the second, costs 1 EUR less",
				"cheap: 2nd of 3 by cheapest: ends 5 min before the first, costs 1 EUR more",
				"dear: 3rd of 3 by cheapest: ends 5 min before the first, costs 100 EUR more"}},
		{"no quote is no low price", "cheapest", []Option{way("silent", 0), way("dear", 0, euro(1e9)), way("odd", 0, euro(math.NaN())), way("gift", min, euro(-5))}, []string{
			"dear: 1st of 4 by cheapest: ends when the second does",
			"silent: 2nd of 4 by cheapest: ends when the first does, quotes no cost",
			"odd: 3rd of 4 by cheapest: ends when the first does, quotes no cost",
			"gift: 4th of 4 by cheapest: ends 1 min after the first, quotes no cost"}},
		{"a currency that few use can't win", "cheapest", []Option{way("bern", 0, francs(0.1)), way("a", 0, euro(2)), way("b", 0, euro(3))}, []string{
			"a: 1st of 3 by cheapest: ends when the second does, costs 1 EUR less",
			"b: 2nd of 3 by cheapest: ends when the first does, costs 1 EUR more",
			"bern: 3rd of 3 by cheapest: ends when the first does, counts its cost in CHF, which can't be compared"}},
		{"carbon", "greenest", []Option{way("coal", 0, euro(1), carbon(2)), way("wind", 2*scheduling.Hour, euro(1), carbon(0.5)), way("silent", 0, euro(1), energy(0.1))}, []string{
			"wind: 1st of 3 by greenest: ends 2 h after the second, emits 1.5 kg less",
			"coal: 2nd of 3 by greenest: ends 2 h before the first, emits 1.5 kg more",
			"silent: 3rd of 3 by greenest: ends 2 h before the first, doesn't tell its carbon"}},
		{"energy where nobody tells the carbon", "greenest", []Option{way("a", 0, energy(2)), way("b", 0, energy(1))}, []string{
			"b: 1st of 2 by greenest: ends when the second does, takes 1 kWh less",
			"a: 2nd of 2 by greenest: ends when the first does, takes 1 kWh more"}},
		{"to the data", "data-local", []Option{way("far", 0).with(min, 40*gib, 40*gib), way("silent", 0), way("there", 3*scheduling.Day).with(0, 0, 40*gib), way("near", min).with(min, gib, 40*gib)}, []string{
			"there: 1st of 4 by data-local: ends 2 d 23 h after the second, has the data",
			"near: 2nd of 4 by data-local: ends 2 d 23 h before the first, moves 1 GiB more",
			"far: 3rd of 4 by data-local: ends 3 d before the first, moves 40 GiB more",
			"silent: 4th of 4 by data-local: ends 3 d before the first, doesn't say how much data it would move"}},
		{"as fast for less", "fastest", []Option{way("dear", 0, euro(2)), way("cheap", 0, euro(1))}, []string{
			"cheap: 1st of 2 by fastest: ends when the second does, costs 1 EUR less",
			"dear: 2nd of 2 by fastest: ends when the first does, costs 1 EUR more"}},
		{"as fast with less on the link", "fastest", []Option{way("far", 0).with(0, 2*gib, 4*gib), way("near", 0).with(0, gib, 4*gib)}, []string{
			"near: 1st of 2 by fastest: ends when the second does, moves 1 GiB less",
			"far: 2nd of 2 by fastest: ends when the first does, moves 1 GiB more"}},
		{"a little later for much less", "balanced", []Option{way("now", 0, euro(2)), way("soon", 10*min, euro(1))}, []string{
			"soon: 1st of 2 by balanced: ends 10 min after the second, costs 1 EUR less",
			"now: 2nd of 2 by balanced: ends 10 min before the first, costs 1 EUR more"}},
		{"not a day later for a little less", "balanced", []Option{way("tomorrow", scheduling.Day, euro(1.9)), way("now", 0, euro(2))}, []string{
			"now: 1st of 2 by balanced: ends 1 d before the second, costs 0.1 EUR more",
			"tomorrow: 2nd of 2 by balanced: ends 1 d after the first, costs 0.1 EUR less"}},
		{"less on the link where all else is equal", "balanced", []Option{way("far", 5*min).with(5*min, gib, gib), way("here", 5*min).with(0, 0, gib)}, []string{
			"here: 1st of 2 by balanced: ends when the second does, has the data",
			"far: 2nd of 2 by balanced: ends when the first does, moves 1 GiB more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ByName(c.policy)
			require.NoError(t, err)
			var got []string
			for _, r := range Rank(p, c.options, first) {
				got = append(got, c.options[r.Option].Site+": "+r.Reason.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAnUnknownPolicyIsToldAllNames(t *testing.T) {
	_, err := ByName("luckiest")
	assert.EqualError(t, err, `unknown placement policy "luckiest": one of balanced, fastest, cheapest, greenest, data-local`)
}

// Among equals each comes first equally often, and milliseconds make no difference.
func TestEqualsAreDrawn(t *testing.T) {
	options := []Option{way("a", 0), way("b", 400), way("c", 900), way("late", scheduling.Minute)}
	firsts, step := map[string]int{}, 0
	draw := func(n int) int { step++; return (step / 2) % n }
	p, _ := ByName("fastest")
	for range 600 {
		ranked := Rank(p, options, draw)
		firsts[options[ranked[0].Option].Site]++
		require.Equal(t, 3, ranked[3].Option)
	}
	for _, site := range []string{"a", "b", "c"} {
		assert.InDelta(t, 200, firsts[site], 60, site)
	}
}

// anyOption makes one in which little varies, so that many are equal in something, or much.
func anyOption(t *rapid.T) Option {
	few := rapid.Bool().Draw(t, "few")
	number := func(name string, least, most int64) int64 {
		if few {
			most = min(most, least+3)
		}
		return rapid.Int64Range(least, most).Draw(t, name)
	}
	start := noon.Add(scheduling.Span(number("wait", 0, int64(scheduling.MaxSpan))))
	o := Option{Asked: noon, Start: start, End: start.Add(scheduling.Span(number("run", 1, int64(scheduling.Day))))}
	o.Transfer = scheduling.Span(number("transfer", 0, int64(scheduling.Day)))
	o.Bytes = number("bytes", 0, 1<<60)
	o.Moved = number("moved", 0, o.Bytes)
	o.Resources = scheduling.Resources{Cores: number("cores", 1, 1<<40), Memory: number("memory", 0, 1<<40)}
	for _, kind := range []string{ivoa.CostMonetary, ivoa.CostCarbon, ivoa.CostEnergy} {
		if !rapid.Bool().Draw(t, "quoted") {
			continue
		}
		value := float64(number("value", -1, 5))
		if !few {
			value = rapid.Float64().Draw(t, "any value")
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				value = rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}).Draw(t, "odd value")
			}
		}
		o.Quote.Costs = append(o.Quote.Costs, scheduling.Amount{Type: kind, Value: value, Unit: rapid.SampledFrom([]string{"x", "y", ""}).Draw(t, "unit")})
	}
	return o
}

// atLeast reports whether a is as good as b in all respects that anybody could care for, as far as they can be compared.
func atLeast(a, b Option) bool {
	for _, kind := range []string{ivoa.CostMonetary, ivoa.CostCarbon, ivoa.CostEnergy} {
		if x, y := a.quoted(kind), b.quoted(kind); y != nil && (x == nil || x.Unit != y.Unit || x.Value > y.Value) {
			return false
		}
	}
	data := b.Bytes == 0 || a.Bytes > 0 && a.Moved <= b.Moved && a.Transfer <= b.Transfer
	return a.End <= b.End && data && b.Resources.Fits(a.Resources)
}

// What another option beats never comes before it, whatever the policy.
func TestDominatedOptionsComeAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := rapid.SliceOfN(rapid.Custom(anyOption), 1, 8).Draw(t, "options")
		for range rapid.IntRange(0, 3).Draw(t, "worse ones") {
			worse := options[rapid.IntRange(0, len(options)-1).Draw(t, "of")]
			worse.End = worse.End.Add(scheduling.Span(rapid.Int64Range(0, 5000).Draw(t, "later")))
			worse.Moved += rapid.Int64Range(0, max(0, worse.Bytes-worse.Moved)).Draw(t, "more")
			costs := append([]scheduling.Amount(nil), worse.Quote.Costs...)
			for i := range costs {
				costs[i].Value *= rapid.Float64Range(1, 2).Draw(t, "dearer")
			}
			worse.Quote.Costs = costs
			options = append(options, worse)
		}
		for _, p := range policies() {
			ranked := Rank(p, options, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "draw") })
			m := measure(options)
			for i, r := range ranked {
				for _, before := range ranked[:i] {
					a, b := options[r.Option], options[before.Option]
					tied := compare(m.standing(p, options, r.Option), m.standing(p, options, before.Option)) == 0
					if atLeast(a, b) && !tied {
						t.Fatalf("%s: %+v comes before %+v", p.Name(), b, a)
					}
				}
			}
		}
	})
}

// The order doesn't depend on the order in which options come, and scores are numbers from 0 to 1 for anything at all.
func TestRankingForgetsTheOrderOfOptions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := rapid.SliceOfN(rapid.Custom(anyOption), 0, 8).Draw(t, "options")
		places := make([]int, len(options))
		for i := range places {
			places[i] = i
		}
		places = rapid.Permutation(places).Draw(t, "places")
		mixed := make([]Option, len(options))
		for i, at := range places {
			mixed[at] = options[i]
		}
		for _, p := range policies() {
			one, other := Rank(p, options, first), Rank(p, mixed, first)
			scores := Scores(p, options, nil)
			m, n := measure(options), measure(mixed)
			for i := range one {
				if s := one[i].Score; !(s >= 0 && s <= 1) || s != scores[one[i].Option] {
					t.Fatalf("%s: score %v, alone %v", p.Name(), s, scores[one[i].Option])
				}
				// The same places hold options that nothing tells apart.
				a, b := m.standing(p, options, one[i].Option), n.standing(p, mixed, other[i].Option)
				if a.score != b.score || compare(a, b) != 0 || one[i].Reason.String() != other[i].Reason.String() {
					t.Fatalf("%s: place %d: %v and %v", p.Name(), i, one[i], other[i])
				}
			}
		}
	})
}
