package scheduling

import (
	"slices"
)

// peak returns the pointwise maximum of the offers as disjoint slots in order, without gaps of nothing.
func peak(offers []*entry) []Slot {
	edges := make([]Instant, 0, 2*len(offers))
	for _, e := range offers {
		edges = append(edges, e.Slot.Start, e.Slot.End)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)

	out := make([]Slot, 0, len(edges))
	for i := 1; i < len(edges); i++ {
		part := Slot{Window: Window{edges[i-1], edges[i]}}
		for _, e := range offers {
			if e.Slot.Contains(part.Window) {
				part.Resources = part.Max(e.Slot.Resources)
			}
		}
		if part.Resources.IsZero() {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].End == part.Start && out[last].Resources == part.Resources {
			out[last].End = part.End
			continue
		}
		out = append(out, part)
	}
	return out
}
