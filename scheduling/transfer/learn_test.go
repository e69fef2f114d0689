package transfer

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/scheduling"
)

// staged is a staging of 10 GB at a rate.
func staged(source string, rate Rate, at scheduling.Instant) Staging {
	return Staging{Source: source, Bytes: 10 * gb, Took: scheduling.Span(10 * gb / float64(rate) * 1000), At: at}
}

func learn(t *testing.T, m *Model, all ...Staging) *Model {
	t.Helper()
	for _, s := range all {
		var ok bool
		m, _, ok = m.Learn(s)
		require.True(t, ok, s)
	}
	return m
}

func TestTheFirstStagingFromAnUnknownSourceIsBelieved(t *testing.T) {
	m := learn(t, New(site()), staged("a.example", gb/20, 0))
	assert.InEpsilon(t, gb/20, float64(m.Rate("a.example")), 0.001)
	assert.InEpsilon(t, gb/100, float64(m.Rate("b.example")), 0.001, "it is nothing to others")
}

func TestWhatIsConfiguredCountsAsOneStaging(t *testing.T) {
	m := learn(t, New(site()), staged("JPSRC_STORM", gb/20, 0))
	assert.InEpsilon(t, gb/10, float64(m.Rate("JPSRC_STORM")), 0.001, "half-way between a fifth and a twentieth, as factors")
	m = learn(t, New(site()), staged("UKSRC_RAL", gb/2, 0))
	assert.InEpsilon(t, gb, float64(m.Rate("UKSRC_RAL")), 0.001, "as what is local")
}

func TestAFasterAndASlowerStagingCancelOut(t *testing.T) {
	m := learn(t, New(site()), staged("a", gb/10, 0), staged("a", gb/10, 1), staged("a", gb/10, 2), staged("a", gb/10, 3))
	up := learn(t, m, staged("a", gb, 4))
	assert.InEpsilon(t, math.Pow(10, 0.2), float64(up.Rate("a")/m.Rate("a")), 0.001, "the weight is a fifth")
	assert.InEpsilon(t, float64(m.Rate("a")), float64(learn(t, m, staged("a", gb/50, 4), staged("a", gb/50, 5), staged("a", gb/10, 6)).Rate("a")), 0.7)
}

func TestOldStagingsFadeAway(t *testing.T) {
	before := learn(t, New(site()), staged("a", gb/10, 0), staged("a", gb/10, 0), staged("a", gb/10, 0), staged("a", gb/10, 0))
	weight := func(after scheduling.Span) float64 {
		m := learn(t, before, staged("a", gb, scheduling.Instant(after)))
		return math.Log10(float64(m.Rate("a") / before.Rate("a")))
	}
	assert.InDelta(t, 1.0/5, weight(0), 0.001)
	assert.InDelta(t, 1.0/3, weight(30*scheduling.Day), 0.001)
	assert.InDelta(t, 1, weight(1000*scheduling.Day), 0.001)
}

func TestNonsenseTeachesNothing(t *testing.T) {
	m := New(site())
	for name, s := range map[string]Staging{
		"tiny":      {Source: "a", Bytes: tiny - 1, Took: scheduling.Second},
		"negative":  {Source: "a", Bytes: -gb, Took: scheduling.Second},
		"too much":  {Source: "a", Bytes: math.MaxInt64, Took: scheduling.Second},
		"no time":   {Source: "a", Bytes: gb},
		"backwards": {Source: "a", Bytes: gb, Took: -scheduling.Second},
		"for ever":  {Source: "a", Bytes: gb, Took: math.MaxInt64},
		"nowhere":   {Bytes: gb, Took: scheduling.Second},
		"anywhere":  {Source: Anywhere, Bytes: gb, Took: scheduling.Second},
	} {
		_, _, ok := m.Learn(s)
		assert.False(t, ok, name)
	}
	m = learn(t, m, Staging{Source: "a", Bytes: 1 << 59, Took: 1})
	assert.InEpsilon(t, gb/100*surprise, float64(m.Rate("a")), 0.001, "what surprises too much is believed in part")
}

// What is told to others changes only when it is off by a tenth, so that what a node
// tells is not another thing after every staging.
func TestWhatOthersAreToldChangesInSteps(t *testing.T) {
	m := learn(t, New(site()), staged("a", gb/10, 0))
	links := m.Links()
	assert.Contains(t, links, Link{Source: "a", Rate: gb / 10, Samples: 1})
	assert.Contains(t, links, Link{Source: "JPSRC_STORM", Rate: gb / 5})
	assert.Contains(t, links, Link{Source: Anywhere, Rate: gb / 100})
	for i := range 100 {
		m = learn(t, m, staged("a", Rate(gb/10*(1+0.04*float64(i%2))), scheduling.Instant(i)))
		assert.Equal(t, links, m.Links(), i)
	}
	m = learn(t, m, staged("a", gb, 0))
	assert.NotEqual(t, links, m.Links())
}

func TestWhatIsPrivateIsToldToNobody(t *testing.T) {
	private := func(source string) Staging {
		s := staged(source, gb/20, 0)
		s.Private = true
		return s
	}
	m := learn(t, New(site()), private("alice.example"), private("JPSRC_STORM"), private("both"), staged("both", gb/20, 0), private("both"))
	assert.InEpsilon(t, gb/20, float64(m.Rate("alice.example")), 0.001, "it is known here")
	var told []string
	for _, l := range m.Links() {
		told = append(told, l.Source)
	}
	assert.Equal(t, []string{Anywhere, "JPSRC_STORM", "SPSRC_STORM", "both"}, told, "what is configured is no secret")
}

func TestWhatIsToldIsTheModelAgain(t *testing.T) {
	m := learn(t, New(site()), staged("a", gb/10, 0), staged("UKSRC_RAL", gb, 0))
	told := New(Site{Elements: site().Elements, Links: m.Links(), Start: site().Start})
	for _, source := range []string{"a", "b", "JPSRC_STORM", "SPSRC_STORM", "UKSRC_RAL", "UKSRC_TAPE"} {
		assert.InEpsilon(t, float64(m.Rate(source)), float64(told.Rate(source)), 0.15, source)
	}
}

func TestSourcesAreForgottenThatWouldBeMissedLeast(t *testing.T) {
	m := learn(t, New(site()), staged("often", gb/10, 0), staged("often", gb/10, 1))
	for i := range maxLearned + 50 {
		var change Change
		m, change, _ = m.Learn(staged(fmt.Sprint("once ", i), gb/10, scheduling.Instant(i)))
		if i < maxLearned-1 {
			assert.Empty(t, change.Forgotten, i)
			continue
		}
		assert.Equal(t, fmt.Sprint("once ", i-maxLearned+1), change.Forgotten)
	}
	assert.Len(t, m.learned, maxLearned)
	assert.Contains(t, m.learned, "often")
}

// However a model has learned, it recalls all of it from what it has said, and rates
// stay within bounds.
func TestAModelRecallsWhatItHasLearned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, kept := New(site()), map[string]Learned{}
		for range rapid.IntRange(0, 40).Draw(t, "stagings") {
			s := Staging{
				Source: rapid.SampledFrom([]string{"a", "b", "JPSRC_STORM", "UKSRC_RAL"}).Draw(t, "source"),
				Bytes:  rapid.Int64().Draw(t, "bytes"), Took: scheduling.Span(rapid.Int64().Draw(t, "took")),
				At: scheduling.Instant(rapid.Int64Range(0, 1<<50).Draw(t, "at")),
			}
			before := m.Rate(s.Source)
			next, change, ok := m.Learn(s)
			if !ok {
				continue
			}
			seen := Rate(float64(s.Bytes) / float64(s.Took) * 1000)
			if after := next.Rate(s.Source); after < MinRate || after > MaxRate || (after-before)*(seen-before) < 0 && seen >= MinRate && seen <= MaxRate && math.Abs(float64(after/before)-1) > 1e-9 {
				t.Fatalf("%v after a staging at %v, before it %v", after, seen, before)
			}
			if m.Rate(s.Source) != before {
				t.Fatal("the model itself has changed")
			}
			kept[change.Learned.Source] = change.Learned
			m = next
		}
		var all []Learned
		for _, l := range kept {
			all = append(all, l)
		}
		again, forgotten := New(site()).Recall(all)
		if len(forgotten) > 0 || fmt.Sprint(again.Links()) != fmt.Sprint(m.Links()) {
			t.Fatalf("%v, forgotten %v; want %v", again.Links(), forgotten, m.Links())
		}
		for source := range kept {
			if again.Rate(source) != m.Rate(source) {
				t.Fatalf("%s: %v, want %v", source, again.Rate(source), m.Rate(source))
			}
		}
	})
}

func TestWhatIsConfiguredOtherwiseIsLearnedAnew(t *testing.T) {
	_, change, _ := New(site()).Learn(staged("JPSRC_STORM", gb/20, 0))
	changed := site()
	changed.Links[0].Rate = gb
	m, forgotten := New(changed).Recall([]Learned{change.Learned})
	assert.Equal(t, []string{"JPSRC_STORM"}, forgotten)
	assert.EqualValues(t, gb, m.Rate("JPSRC_STORM"))
}
