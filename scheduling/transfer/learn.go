package transfer

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"starling/scheduling"
)

// How a site learns. Of two stagings one that was ten times as fast as expected and
// one that was ten times as slow cancel out: it is the logarithm that is averaged.
const (
	// tiny is how much must have come for its time to say something of the link,
	// and not of the server's mood, in bytes.
	tiny = 4 << 20
	// most is how many earlier stagings count against a new one: the weight of that
	// is a fifth at least.
	most = 4
	// halfLife is in how long earlier stagings come to count half: links are rebuilt.
	halfLife = 30 * scheduling.Day
	// surprise bounds what one staging counts, as a factor of what was expected: who
	// reports nonsense is not believed at once.
	surprise = 64
	// step is by which factor a rate must have changed to be told to others.
	step = 1.1
	// manySamples is where they are no longer counted.
	manySamples = 1 << 30
)

// Learned is what stagings have taught of a source.
type Learned struct {
	Source  string             `json:"source"`
	Rate    Rate               `json:"rate"`
	Samples int                `json:"samples"`
	At      scheduling.Instant `json:"at"` // of the last
	// Known is what was configured before: where that changes, all is learned anew.
	Known Rate `json:"known,omitzero"`
	// Said is what others are told, which changes in steps. Private: they aren't.
	Said    Link `json:"said"`
	Private bool `json:"private,omitzero"`
}

// Staging is a transfer that has really happened.
type Staging struct {
	Source string // as a Fetch has it
	Bytes  int64
	Took   scheduling.Span
	At     scheduling.Instant // its end
	// Private says that others mustn't hear of the source.
	Private bool
}

// Change is what a staging has changed of what is learned.
type Change struct {
	Learned Learned
	// Forgotten is the source that made room for it, "" where there was some.
	Forgotten string
}

// Learn returns the model that knows of a staging, and what that changes. One that
// says nothing (too small, of no time, of no known source) changes nothing.
func (m *Model) Learn(s Staging) (*Model, Change, bool) {
	if s.Bytes < tiny || s.Bytes > maxBytes || s.Took <= 0 || s.Took > maxSpan || !goodName(s.Source) {
		return m, Change{}, false
	}
	expected := m.Rate(s.Source)
	seen := Rate(float64(s.Bytes) / float64(s.Took) * float64(scheduling.Second))
	seen = min(max(seen, expected/surprise, MinRate), expected*surprise, MaxRate)

	l, before := m.learned[s.Source]
	l.Private = s.Private && (l.Private || !before)
	weight := 1 / (1 + m.experience(l, s))
	l.Rate, _ = bounded(Rate(math.Exp((1-weight)*math.Log(float64(expected)) + weight*math.Log(float64(seen)))))
	l.Source, l.Samples, l.At, l.Known = s.Source, min(l.Samples+1, manySamples), max(l.At, s.At), m.known[s.Source]
	if l.Said.Rate == 0 || l.Rate > l.Said.Rate*step || l.Rate < l.Said.Rate/step {
		l.Said = Link{Source: l.Source, Rate: l.Rate.rounded(), Samples: l.Samples}
	}
	next := *m
	next.learned = maps.Clone(m.learned)
	if next.learned == nil {
		next.learned = map[string]Learned{}
	}
	next.learned[l.Source] = l
	return &next, Change{l, next.forget(l.Source)}, true
}

// experience is how many earlier stagings count against a new one. What is
// configured counts as one.
func (m *Model) experience(l Learned, s Staging) float64 {
	before := float64(min(l.Samples, most)) * math.Exp2(-float64(max(s.At.Sub(l.At), 0))/float64(halfLife))
	if m.known[s.Source] > 0 {
		before = max(before, 1)
	}
	return before
}

// forget makes room for the source that was learned last: of those that are known
// by the fewest stagings the oldest goes.
func (m *Model) forget(but string) string {
	if len(m.learned) <= maxLearned {
		return ""
	}
	least := ""
	for source, l := range m.learned {
		if source != but && (least == "" || l.before(m.learned[least])) {
			least = source
		}
	}
	delete(m.learned, least)
	return least
}

// before orders what is learned by how little it would be missed.
func (l Learned) before(o Learned) bool {
	return cmp.Or(cmp.Compare(l.Samples, o.Samples), cmp.Compare(l.At, o.At), cmp.Compare(l.Source, o.Source)) < 0
}

// Recall returns the model that has learned before what Learn has said then. What
// the site has configured otherwise since is forgotten, and returned.
func (m *Model) Recall(all []Learned) (next *Model, forgotten []string) {
	recalled := *m
	recalled.learned = map[string]Learned{}
	for _, l := range all {
		rate, good := bounded(l.Rate)
		if !good || !goodName(l.Source) || l.Known != m.known[l.Source] || len(recalled.learned) >= maxLearned {
			forgotten = append(forgotten, l.Source)
			continue
		}
		l.Rate = rate
		recalled.learned[l.Source] = l
	}
	return &recalled, forgotten
}

// Links is what others are told: what was learned, what is configured else, and
// what is taken for granted of anywhere, by source; but nothing private that the site
// hasn't configured itself. Learned rates are rounded, and
// change when they are off by a tenth.
func (m *Model) Links() []Link {
	links := []Link{{Source: Anywhere, Rate: m.anywhere}}
	for source, rate := range m.known {
		if _, learned := m.learned[source]; !learned && m.locals[source] == "" {
			links = append(links, Link{Source: source, Rate: rate})
		}
	}
	for _, l := range m.learned {
		if !l.Private || m.known[l.Source] > 0 {
			links = append(links, l.Said)
		}
	}
	slices.SortFunc(links, func(a, b Link) int { return cmp.Compare(a.Source, b.Source) })
	return links[:min(len(links), MaxLinks)]
}

// rounded is a rate to two digits.
func (r Rate) rounded() Rate {
	unit := math.Pow(10, math.Floor(math.Log10(float64(r)))-1)
	return Rate(math.Round(float64(r)/unit) * unit)
}
