package transfer

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"starling/scheduling"
)

const gb = 1e9

func site() Site {
	return Site{
		Elements: []Element{{Name: "UKSRC_RAL", Host: "storm.ral.example", Rate: 2 * gb}, {Name: "UKSRC_TAPE", Rate: gb / 10}},
		Links:    []Link{{Source: "JPSRC_STORM", Rate: gb / 5}, {Source: "SPSRC_STORM", Rate: gb / 2}, {Source: Anywhere, Rate: gb / 100}},
		Start:    5 * scheduling.Second, Size: gb,
	}
}

func TestTheBestSourceOfAnItemIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		sources []string
		source  string
		choice  int
		local   bool
		seconds scheduling.Span
	}{
		"one":                         {[]string{"JPSRC_STORM"}, "JPSRC_STORM", 0, false, 50},
		"the faster":                  {[]string{"JPSRC_STORM", "SPSRC_STORM"}, "SPSRC_STORM", 1, false, 20},
		"of equals the first":         {[]string{"a.example", "b.example"}, "a.example", 0, false, 1000},
		"known before unknown":        {[]string{"a.example", "JPSRC_STORM"}, "JPSRC_STORM", 1, false, 50},
		"local before faster":         {[]string{"SPSRC_STORM", "UKSRC_TAPE"}, "UKSRC_TAPE", 1, true, 100},
		"of local ones the faster":    {[]string{"UKSRC_TAPE", "UKSRC_RAL"}, "UKSRC_RAL", 1, true, 5},
		"the host of a local element": {[]string{"storm.ral.example"}, "UKSRC_RAL", 0, true, 5},
		"nobody has said":             {nil, "", -1, false, 1000},
	} {
		plan := New(site()).Estimate([]Item{{Name: "x", Bytes: 10 * gb, Sources: c.sources}})
		want := Fetch{Source: c.source, Choice: c.choice, Local: c.local, Bytes: 10 * gb, Span: c.seconds * scheduling.Second}
		assert.Equal(t, []Fetch{want}, plan.Fetches, name)
		moved := int64(10 * gb)
		if c.local {
			moved = 0
		}
		assert.Equal(t, Plan{Span: 5*scheduling.Second + want.Span, Bytes: 10 * gb, Moved: moved, Fetches: plan.Fetches}, plan, name)
	}
}

func TestItemsComeOneAfterTheOther(t *testing.T) {
	plan := New(site()).Estimate([]Item{
		{Bytes: 10 * gb, Sources: []string{"JPSRC_STORM"}}, {Bytes: 10 * gb, Sources: []string{"JPSRC_STORM"}},
		{Bytes: 2 * gb, Sources: []string{"UKSRC_RAL"}}, {},
	})
	assert.Equal(t, (5+50+50+1+100)*scheduling.Second, plan.Span)
	assert.EqualValues(t, 23*gb, plan.Bytes)
	assert.EqualValues(t, 21*gb, plan.Moved)
	assert.Equal(t, Fetch{Choice: -1, Bytes: gb, Guessed: true, Span: 100 * scheduling.Second}, plan.Fetches[3], "of unknown size and source")
	assert.Zero(t, New(site()).Estimate(nil))
}

// What another node says of itself may be anything. It neither breaks nor occupies
// much.
func TestWhatOthersSayIsBounded(t *testing.T) {
	absurd := Site{Start: -5, Size: -1}
	for i := range 1_000_000 {
		absurd.Links = append(absurd.Links, Link{Source: "s" + strconv.Itoa(i), Rate: 1})
		absurd.Elements = append(absurd.Elements, Element{Name: "e" + strconv.Itoa(i), Rate: Rate(math.Inf(1))})
	}
	m := New(absurd)
	assert.LessOrEqual(t, len(m.known)+len(m.locals), MaxLinks+2*MaxElements)
	assert.Equal(t, MinRate, m.Rate("s1"))
	for _, rate := range []Rate{0, -1, Rate(math.NaN()), Rate(math.Inf(1)), Rate(math.Inf(-1))} {
		m := New(Site{Links: []Link{{Source: "a", Rate: rate}, {Source: Anywhere, Rate: rate}}, Elements: []Element{{Name: "b", Rate: rate}}})
		assert.Equal(t, DefaultRate, m.Rate("a"), rate)
		assert.Equal(t, DefaultRate, m.Rate("b"), rate)
	}
	m = New(Site{Links: []Link{{Source: "fast", Rate: 1e300}, {Source: strings.Repeat("x", 10_000), Rate: 5 * gb}, {Source: "", Rate: 5 * gb}}})
	assert.Equal(t, MaxRate, m.Rate("fast"))
	assert.Len(t, m.known, 1)
}

// An estimate is what the naive reading of the rules says.
func TestEstimatesAreThoseOfTheNaiveModel(t *testing.T) {
	names := rapid.SampledFrom([]string{"", "A", "B", "C", "D", "h.example", "i.example", Anywhere})
	rates := rapid.OneOf(rapid.Float64(), rapid.Float64Range(1e3, 1e12))
	rapid.Check(t, func(t *rapid.T) {
		s := Site{Start: scheduling.Span(rapid.Int64().Draw(t, "start")), Size: rapid.Int64().Draw(t, "size")}
		for range rapid.IntRange(0, 5).Draw(t, "elements") {
			s.Elements = append(s.Elements, Element{Name: names.Draw(t, "name"), Host: names.Draw(t, "host"), Rate: Rate(rates.Draw(t, "rate"))})
		}
		for range rapid.IntRange(0, 5).Draw(t, "links") {
			s.Links = append(s.Links, Link{Source: names.Draw(t, "source"), Rate: Rate(rates.Draw(t, "rate"))})
		}
		var items []Item
		for range rapid.IntRange(0, 5).Draw(t, "items") {
			items = append(items, Item{Bytes: rapid.Int64().Draw(t, "bytes"), Sources: rapid.SliceOfN(names, 0, 4).Draw(t, "sources")})
		}
		plan := New(s).Estimate(items)
		if len(plan.Fetches) != len(items) {
			t.Fatalf("%d of %d items come", len(plan.Fetches), len(items))
		}
		var bytes, moved int64
		for i, f := range plan.Fetches {
			local := slicesAny(items[i].Sources, func(source string) bool { return isLocal(s, source) })
			if f.Local != local || f.Local && !isLocal(s, f.Source) {
				t.Fatalf("item %d: %+v; an element of the site has it: %v", i, f, local)
			}
			best := Rate(0)
			for _, source := range items[i].Sources {
				if isLocal(s, source) == local {
					best = max(best, naiveRate(s, source))
				}
			}
			if len(items[i].Sources) == 0 {
				best = naiveRate(s, Anywhere)
			}
			want := min(float64(f.Bytes)/float64(best)*1000, float64(maxSpan))
			if got := float64(f.Span); got < want-1 || got > want+1 {
				t.Fatalf("item %d takes %v ms, not %v", i, got, want)
			}
			bytes += f.Bytes
			if !f.Local {
				moved += f.Bytes
			}
		}
		if plan.Bytes != min(bytes, maxBytes) || plan.Moved != min(moved, maxBytes) || plan.Moved > plan.Bytes || plan.Span < 0 || plan.Span > maxSpan {
			t.Fatalf("%+v of %d bytes, %d moved", plan, bytes, moved)
		}
	})
}

func slicesAny(list []string, is func(string) bool) bool {
	for _, x := range list {
		if is(x) {
			return true
		}
	}
	return false
}

func named(name string) bool { return name != "" && name != Anywhere }

func isLocal(s Site, source string) bool {
	for _, e := range s.Elements {
		if named(e.Name) && named(source) && (source == e.Name || source == e.Host) {
			return true
		}
	}
	return false
}

func naiveRate(s Site, source string) Rate {
	name := source
	for _, e := range s.Elements { // the name of an element stands for its host, but for another's name
		if named(e.Name) && named(source) && e.Host == source {
			name = e.Name
			break
		}
	}
	for _, e := range s.Elements {
		if e.Name == source {
			name = source
		}
	}
	for _, l := range s.Links {
		if r, ok := bounded(l.Rate); ok && l.Source == name && named(name) {
			return r
		}
	}
	for _, e := range s.Elements {
		if r, ok := bounded(e.Rate); ok && e.Name == name && named(name) {
			return r
		}
	}
	rate := DefaultRate
	for _, l := range s.Links { // the last: it is one link
		if r, ok := bounded(l.Rate); ok && l.Source == Anywhere {
			rate = r
		}
	}
	return rate
}
