package placement

import (
	"cmp"
	"slices"

	"starling/scheduling"
)

// Ranked is an option in its place.
type Ranked struct {
	Option int     // index of the option
	Score  float64 // by the policy: 0 to 1, less is better
	Reason scheduling.Reason
}

// Rank returns all options, the best by the policy first, each with the reason for its place. Those that the policy
// finds equally good are ordered by their end, their cost, what they move and how much they give; draw, which returns
// a random number from 0 to n−1, decides between those that differ in nothing.
func Rank(p Policy, options []Option, draw func(n int) int) []Ranked {
	m := measure(options)
	order := make([]standing, len(options))
	for i := range options {
		order[i] = m.standing(p, options, i)
	}
	slices.SortStableFunc(order, compare)
	shuffleTies(order, draw)
	ranked := make([]Ranked, len(order))
	for i, s := range order {
		ranked[i] = Ranked{s.option, s.score, m.reason(p, order, i)}
	}
	return ranked
}

// Scores appends each option's score to a slice: all that Rank says, but for order and words.
func Scores(p Policy, options []Option, to []float64) []float64 {
	m := measure(options)
	for i := range options {
		to = append(to, p.Score(m.of(&options[i])))
	}
	return to
}

// standing is what an option's place depends on.
type standing struct {
	option int
	score  float64
	late   scheduling.Span
	*Option
	m *measures
}

func (m *measures) standing(p Policy, options []Option, i int) standing {
	o := &options[i]
	return standing{i, p.Score(m.of(o)), m.late(o), o, m}
}

// compare orders by score and then by all that could matter to anybody.
func compare(a, b standing) int {
	return cmp.Or(
		cmp.Compare(a.score, b.score),
		cmp.Compare(a.late, b.late),
		a.m.cost.compare(a.Option, b.Option),
		a.m.green.compare(a.Option, b.Option),
		compareData(a.Option, b.Option),
		-cmp.Compare(a.Resources.Cores, b.Resources.Cores),
		-cmp.Compare(a.Resources.GPUs, b.Resources.GPUs),
		-cmp.Compare(a.Resources.Memory, b.Resources.Memory),
		-cmp.Compare(a.Resources.Storage, b.Resources.Storage),
	)
}

// compareData orders by what is moved, those last that don't say of how many bytes.
func compareData(a, b *Option) int {
	switch {
	case a.Bytes > 0 && b.Bytes > 0:
		return cmp.Or(cmp.Compare(a.Moved, b.Moved), cmp.Compare(a.Transfer, b.Transfer))
	case a.Bytes > 0:
		return -1
	case b.Bytes > 0:
		return 1
	}
	return 0
}

// compare orders by a type of cost: what is in the prevailing unit, what is in others by the alphabet, and what isn't
// quoted.
func (c *criterion) compare(a, b *Option) int {
	x, y := a.quoted(c.kind), b.quoted(c.kind)
	place := func(a *scheduling.Amount) int {
		switch {
		case a == nil:
			return 2
		case a.Unit != c.unit:
			return 1
		}
		return 0
	}
	if by := cmp.Compare(place(x), place(y)); by != 0 || x == nil {
		return by
	}
	return cmp.Or(cmp.Compare(x.Unit, y.Unit), cmp.Compare(x.Value, y.Value))
}

// shuffleTies puts those that nothing tells apart in a random order.
func shuffleTies(order []standing, draw func(n int) int) {
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && compare(order[from], order[to]) == 0 {
			to++
		}
		for tied := order[from:to]; len(tied) > 1; tied = tied[1:] {
			i := draw(len(tied))
			tied[0], tied[i] = tied[i], tied[0]
		}
		from = to
	}
}
