package scheduling

import "strconv"

// prober looks for proposals on one timeline.
type prober struct {
	*Timeline
	terms       Terms
	demand      Demand
	constraints Constraints
	limits      Limits
	index       int
	found       []Proposal
	broken      *Refusal // the first by the constraints
}

// Bounds of the work that one question causes on one timeline.
const (
	tariffProbes = 16 // starts tried because the tariff changes there
	sizeProbes   = 4  // sizes tried between the least and the most to meet a budget
)

// probe fills found, or returns why there is nothing.
func (p *prober) probe() *Refusal {
	if refusal := p.impossible(); refusal != nil {
		return refusal
	}
	first, ok := p.earliest(p.demand.Min, p.limits.Now)
	if !ok {
		return p.diagnose()
	}
	grown := p.grow(first.Window)
	p.offerGrown(LabelEarliest, first.Start, grown)
	p.offer(LabelSmaller, first.Start, p.demand.Min)
	p.larger(grown)
	p.cheaper(first.Start, grown)
	if len(p.found) == 0 {
		return p.broken
	}
	return nil
}

// starts returns when a slot may start so that the work can begin as the user wants.
func (p *prober) starts() (earliest, latest Instant) {
	earliest = max(p.limits.Now, p.demand.Start.Earliest-Instant(p.demand.Preparing))
	latest = p.limits.Now.Add(p.limits.Horizon)
	if wanted := p.demand.Start.Latest; wanted != 0 {
		latest = min(latest, wanted-Instant(p.demand.Preparing))
	}
	return earliest, latest
}

// query asks for a size within the user's start interval.
func (p *prober) query(size Resources) Query {
	earliest, latest := p.starts()
	return Query{
		Need: size, Duration: p.demand.Total(),
		NotBefore: earliest, NotAfter: latest, Starts: p.demand.Starts.Earlier(p.demand.Preparing),
		HeldUntil: p.limits.HeldUntil, HoldShare: p.limits.HoldShare,
	}
}

// earliest returns the first slot for a size from an instant on.
func (p *prober) earliest(size Resources, from Instant) (Slot, bool) {
	q := p.query(size)
	q.NotBefore = max(q.NotBefore, from)
	return p.EarliestFit(q)
}

// polite returns the largest size that is worth asking for: no more than the user can use and the pool has, and, beyond
// the least that she needs, no more than offers may hold.
func (p *prober) polite() Resources {
	size := p.demand.Max.Min(p.Capacity())
	if p.limits.HoldShare > 0 {
		size = size.Min(p.Capacity().Scale(p.limits.HoldShare))
	}
	return size.Max(p.demand.Min)
}

// grow returns the largest size that fits into a window where the least fits.
func (p *prober) grow(w Window) Resources {
	return p.polite().Min(p.Spare(w, p.limits.HoldShare)).Max(p.demand.Min)
}

// larger looks for later starts with more: all that helps, and half-way there.
func (p *prober) larger(grown Resources) {
	most := p.polite()
	for _, size := range []Resources{most, between(grown, most, 1, 2)} {
		if size.Fits(grown) {
			return
		}
		if slot, ok := p.earliest(size, p.limits.Now); ok {
			p.offer(LabelLarger, slot.Start, size)
		}
	}
}

// cheaper looks for later starts at which the tariff is lower. Within one tariff the cost of a slot doesn't depend on
// its start, and between two it changes steadily; so it is least where the slot starts or ends with a change.
func (p *prober) cheaper(first Instant, grown Resources) {
	if p.terms == nil {
		return
	}
	_, latest := p.starts()
	length := p.demand.Total()
	changes := p.terms.Changes(Window{first, latest.Add(length)}, tariffProbes/2)
	for _, change := range changes[:min(len(changes), tariffProbes/2)] {
		available := change.Add(-p.demand.Preparing)
		done := available.Add(-p.demand.Duration)
		for _, from := range []Instant{done, available} {
			if from <= first || from > latest {
				continue
			}
			slot, ok := p.earliest(p.demand.Min, from)
			if !ok {
				break
			}
			p.offer(LabelCheaper, slot.Start, p.demand.Min)
			p.offerGrown(LabelCheaper, slot.Start, p.grow(slot.Window).Min(grown))
		}
	}
}

// offerGrown offers the largest size up to grown that meets the constraints. More costs more, so if the whole of it
// breaks a budget, the size is narrowed down by halves.
func (p *prober) offerGrown(label Label, start Instant, grown Resources) {
	if p.offer(label, start, grown) || grown == p.demand.Min {
		return
	}
	low, high := int64(0), int64(1)<<sizeProbes
	for high-low > 1 {
		mid := (low + high) / 2
		size := between(p.demand.Min, grown, mid, 1<<sizeProbes)
		if p.constraints.broken(p.quote(p.demand.plan(size, start))) == nil {
			low = mid
			continue
		}
		high = mid
	}
	p.offer(label, start, between(p.demand.Min, grown, low, 1<<sizeProbes))
}

// between returns the size part/whole of the way from one to the other.
func between(from, to Resources, part, whole int64) Resources {
	way := func(a, b int64) int64 { return a + (b-a)/whole*part + (b-a)%whole*part/whole }
	return Resources{
		way(from.Cores, to.Cores), way(from.Memory, to.Memory), way(from.Storage, to.Storage), way(from.GPUs, to.GPUs),
	}
}

func (p *prober) quote(plan Plan) Quote {
	if p.terms == nil {
		return Quote{}
	}
	return p.terms.Quote(plan)
}

// offer adds a proposal if it meets the constraints, and reports whether it does.
func (p *prober) offer(label Label, start Instant, size Resources) bool {
	plan := p.demand.plan(size, start)
	quote := p.quote(plan)
	if broken := p.constraints.broken(quote); broken != nil {
		if p.broken == nil {
			p.broken = broken
		}
		return false
	}
	q := p.query(size)
	if q.Starts != nil {
		window, _ := q.Starts(start)
		q.NotAfter = min(q.NotAfter, window.Latest)
	}
	latest := max(start, min(q.HeldUntil, q.NotAfter))
	p.found = append(p.found, Proposal{
		Candidate: p.index,
		Plan:      plan,
		Start:     StartInterval{start.Add(p.demand.Preparing), latest.Add(p.demand.Preparing)},
		Slot:      Slot{Window{start, latest.Add(q.Duration)}, size},
		Quote:     quote,
		Label:     label,
		Reason: Reason{templates[label], map[string]string{
			"start": plan.Available.Start.String(),
			"cores": strconv.FormatInt(size.Cores, 10), "memory": strconv.FormatInt(size.Memory, 10),
			"storage": strconv.FormatInt(size.Storage, 10), "gpus": strconv.FormatInt(size.GPUs, 10),
		}},
	})
	return true
}
