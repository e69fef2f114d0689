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
	var costs, carbons, energies tally
	for i := range options {
		for j := range options[i].Quote.Costs {
			switch a := &options[i].Quote.Costs[j]; a.Type {
			case ivoa.CostMonetary:
				costs.add(a)
			case ivoa.CostCarbon:
				carbons.add(a)
			case ivoa.CostEnergy:
				energies.add(a)
			}
		}
	}
	m.cost = costs.prevailing(ivoa.CostMonetary)
	if m.green = carbons.prevailing(ivoa.CostCarbon); !m.green.any {
		m.green = energies.prevailing(ivoa.CostEnergy)
	}
	return m
}

// tally counts what is quoted of a type of cost, by unit.
type tally []quotes

type quotes struct {
	scale
	unit string
	n    int
}

func (t *tally) add(a *scheduling.Amount) {
	if !sound(a.Value) {
		return
	}
	for i := range *t {
		if q := &(*t)[i]; q.unit == a.Unit {
			q.n++
			q.add(a.Value)
			return
		}
	}
	q := quotes{unit: a.Unit, n: 1}
	q.add(a.Value)
	*t = append(*t, q)
}

// prevailing returns the unit in which most quotes are, of several such the first in the alphabet, with their scale.
func (t tally) prevailing(kind string) criterion {
	var best quotes
	for _, q := range t {
		if q.n > best.n || q.n == best.n && q.unit < best.unit {
			best = q
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
	a := o.quoted(c.kind)
	if a == nil || a.Unit != c.unit {
		return 1
	}
	return c.loss(a.Value)
}
