package scheduling

import (
	"cmp"
	"slices"
)

// best returns at most limit proposals, those that would finish first in front, and at equal finish the cheapest.
//
// When some must be left out, proposals stay that are the first of their label; the choice is what the user is after.
func best(proposals []Proposal, limit int) []Proposal {
	kept := undominated(proposals)
	slices.SortStableFunc(kept, rank)
	if len(kept) <= limit {
		return kept
	}
	seen := map[Label]bool{}
	var first, others []Proposal
	for _, p := range kept {
		if seen[p.Label] {
			others = append(others, p)
			continue
		}
		seen[p.Label] = true
		first = append(first, p)
	}
	kept = append(first, others...)[:max(limit, 0)]
	slices.SortStableFunc(kept, rank)
	return kept
}

// rank orders by finish, then cost, then size.
func rank(a, b Proposal) int {
	return cmp.Or(
		cmp.Compare(a.Available.End, b.Available.End),
		cmp.Compare(price(a), price(b)),
		-cmp.Compare(a.Resources.Cores, b.Resources.Cores),
		-cmp.Compare(a.Resources.Memory, b.Resources.Memory),
	)
}

// price returns the first cost quoted.
func price(p Proposal) float64 {
	if len(p.Quote.Costs) == 0 {
		return 0
	}
	return p.Quote.Costs[0].Value
}

// undominated returns the proposals that no other beats in every respect; of equal ones the first.
func undominated(proposals []Proposal) []Proposal {
	var kept []Proposal
	for i, p := range proposals {
		beaten := slices.ContainsFunc(proposals[:i], func(q Proposal) bool { return q.asGoodAs(p) }) ||
			slices.ContainsFunc(proposals[i+1:], func(q Proposal) bool { return q.asGoodAs(p) && !p.asGoodAs(q) })
		if !beaten {
			kept = append(kept, p)
		}
	}
	return kept
}

// asGoodAs reports whether p starts no later than q, is no smaller, costs no more and does no worse. A cost or metric
// that only one of them quotes makes them incomparable.
func (p Proposal) asGoodAs(q Proposal) bool {
	return p.Available.Start <= q.Available.Start && q.Resources.Fits(p.Resources) &&
		len(p.Quote.Costs) == len(q.Quote.Costs) && len(p.Quote.Metrics) == len(q.Quote.Metrics) &&
		all(q.Quote.Costs, p.Quote.Costs, func(theirs, ours float64) bool { return ours <= theirs }) &&
		all(q.Quote.Metrics, p.Quote.Metrics, func(theirs, ours float64) bool { return ours >= theirs })
}

// all reports whether holds is true for each amount of theirs and ours of the same type.
func all(theirs, ours []Amount, holds func(theirs, ours float64) bool) bool {
	for _, t := range theirs {
		if value, ok := find(ours, t.Type); !ok || !holds(t.Value, value) {
			return false
		}
	}
	return true
}
