package transfer

import (
	"math"

	"starling/scheduling"
)

// maxSpan bounds what an estimate comes to, at some 400 days: nobody waits longer, and
// spans are still added to it.
const maxSpan = scheduling.MaxSpan / 1024

// maxBytes bounds what an item counts: an exbibyte.
const maxBytes = 1 << 60

// Estimate says how items would come to the site.
func (m *Model) Estimate(items []Item) Plan {
	if len(items) == 0 {
		return Plan{}
	}
	plan := Plan{Span: m.start, Fetches: make([]Fetch, 0, len(items))}
	for _, item := range items {
		f := m.fetch(item)
		plan.Fetches = append(plan.Fetches, f)
		plan.Span = min(plan.Span+f.Span, maxSpan)
		plan.Bytes = min(plan.Bytes+f.Bytes, maxBytes)
		if !f.Local {
			plan.Moved = min(plan.Moved+f.Bytes, maxBytes)
		}
	}
	return plan
}

// fetch chooses the source of an item.
func (m *Model) fetch(item Item) Fetch {
	f := Fetch{Choice: -1, Bytes: min(item.Bytes, maxBytes)}
	if f.Bytes <= 0 {
		f.Bytes, f.Guessed = m.size, true
	}
	rate := m.anywhere
	for i, source := range item.Sources {
		local := m.Local(source)
		if local != "" {
			source = local
		}
		if at := m.Rate(source); f.Choice < 0 || local != "" && !f.Local || (local != "") == f.Local && at > rate {
			f.Source, f.Choice, f.Local, rate = source, i, local != "", at
		}
	}
	f.Span = spanOf(f.Bytes, rate)
	return f
}

// spanOf is how long bytes take at a rate.
func spanOf(bytes int64, rate Rate) scheduling.Span {
	return scheduling.Span(min(math.Round(float64(bytes)/float64(rate)*float64(scheduling.Second)), float64(maxSpan)))
}
