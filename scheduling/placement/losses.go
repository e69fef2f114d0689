package placement

import (
	"starling/api/ivoa"
	"starling/scheduling"
)

// Losses is what an option loses against the best of all in each respect: 0 for the best, 1/2 for what is twice as
// much, towards 1 for what is beyond measure, and 1 for what nobody has said or can compare.
type Losses struct {
	// Time is of the turnaround, from the wish to the end. Less than a second is no difference.
	Time float64
	// Cost is of the monetary cost; Carbon, of the carbon, or of the energy where no option quotes carbon.
	Cost, Carbon float64
	// Moved is of the bytes that come from other sites; Transfer, of how long they take, 1/2 for as long as the
	// fastest option needs altogether.
	Moved, Transfer float64
}

const (
	// patience is added to every turnaround: a job of a second that is done after ten is not ten times as bad. It is
	// the threshold of the bounded slowdown (Feitelson and Rudolph, Metrics and Benchmarking for Parallel Job
	// Scheduling, 1998).
	patience = 10 * scheduling.Second
	// tick is the difference in time that nobody notices. Idle sites answer milliseconds apart.
	tick = scheduling.Second
)

// measures is what the losses of options are measured against.
type measures struct {
	fastest     scheduling.Span
	cost, green criterion
	moved       scale
	bytes       bool // some option says how many bytes there are
}

// criterion is a type of cost in the unit that most options quote it in.
type criterion struct {
	kind, unit string
	scale
}

// scale is the least of something and what counts as once that much: the least itself, or if that is nothing the least
// that is more.
type scale struct {
	least, base float64
	any         bool
}

func (s *scale) add(x float64) {
	if !s.any || x < s.least {
		s.least = x
	}
	if x > 0 && (s.base == 0 || x < s.base) {
		s.base = x
	}
	s.any = true
}

// loss is 1 − best/x, with what is free taken care of. Each step of it grows with x after rounding, too, so that less
// never loses more.
func (s *scale) loss(x float64) float64 {
	if x <= s.least {
		return 0
	}
	return 1 - s.base/(x-s.least+s.base)
}

// measure looks at all options once.
func measure(options []Option) measures {
	m := measures{fastest: scheduling.MaxSpan}
	for i := range options {
		o := &options[i]
		m.fastest = min(m.fastest, o.turnaround())
		if o.Bytes > 0 {
			m.bytes = true
			m.moved.add(float64(max(0, o.Moved)))
		}
	}
	m.cost = prevailing(options, ivoa.CostMonetary)
	if m.green = prevailing(options, ivoa.CostCarbon); !m.green.any {
		m.green = prevailing(options, ivoa.CostEnergy)
	}
	return m
}

// prevailing returns the unit that most options quote a type of cost in (of several such the first in the alphabet),
// and the scale of what they quote.
func prevailing(options []Option, kind string) criterion {
	type group struct {
		scale
		unit string
		n    int
	}
	var few [4]group
	groups := few[:0]
next:
	for i := range options {
		a, ok := options[i].quoted(kind)
		if !ok {
			continue
		}
		for g := range groups {
			if groups[g].unit == a.Unit {
				groups[g].n++
				groups[g].add(a.Value)
				continue next
			}
		}
		g := group{unit: a.Unit, n: 1}
		g.add(a.Value)
		groups = append(groups, g)
	}
	var best group
	for _, g := range groups {
		if g.n > best.n || g.n == best.n && g.unit < best.unit {
			best = g
		}
	}
	return criterion{kind, best.unit, best.scale}
}

// of returns what one option loses.
func (m *measures) of(o *Option) Losses {
	l := Losses{Cost: m.cost.of(o), Carbon: m.green.of(o)}
	if late := m.late(o); late > 0 {
		whole := float64(m.fastest + patience)
		l.Time = 1 - whole/(float64(late*tick)+whole)
	}
	switch {
	case !m.bytes:
	case o.Bytes <= 0:
		l.Moved, l.Transfer = 1, 1
	default:
		whole := float64(m.fastest + patience)
		l.Moved = m.moved.loss(float64(max(0, o.Moved)))
		l.Transfer = 1 - whole/(float64(max(0, o.Transfer))+whole)
	}
	return l
}

// late is by how many ticks an option ends after the fastest.
func (m *measures) late(o *Option) scheduling.Span { return (o.turnaround() - m.fastest) / tick }

// of is 0 for all where nobody quotes anything.
func (c *criterion) of(o *Option) float64 {
	if !c.any {
		return 0
	}
	a, ok := o.quoted(c.kind)
	if !ok || a.Unit != c.unit {
		return 1
	}
	return c.loss(a.Value)
}
