package node

import (
	"cmp"
	"slices"

	"starling/api/ivoa"
	"starling/federation/digest"
	"starling/federation/identity"
	"starling/scheduling"
)

// outlook is how far a digest's profile reaches: what is to start later is decided by
// what a node offers, not by its digest.
const outlook = scheduling.Day

// mostOutlined bounds the pools whose timelines are looked at for one digest.
const mostOutlined = 32

// Digest is what this node tells the others of itself: how it is now (but for the
// hash of the slow part), and what it can do and asks for it. It takes some
// microseconds of the lock.
func (b *Broker) Digest() (digest.Fast, digest.Slow) {
	fast := digest.Fast{Closed: len(b.Ready()) > 0}
	slow := digest.Slow{
		Rates:              b.rates.at(b.options.Now()),
		ComputePerformance: b.options.Site.ComputePerformance,
		MaxDuration:        b.options.Offers.MaxDuration.Seconds(),
	}
	abilities := map[string]bool{} // kinds; true of those that are really run
	schemes := map[string]bool{}
	b.mu.Lock()
	now, transfers := b.now(), b.state.transfers
	fast.Running = len(b.state.attempts)
	var best roomy
	for _, p := range b.state.pools {
		fast.Queue += len(p.queue.members)
		alive := 0
		for _, e := range p.executors {
			if !e.alive(now) {
				continue
			}
			alive++
			r := e.Registration
			for _, k := range r.Kinds {
				abilities[k] = abilities[k] || !r.Simulated
			}
			for _, s := range r.Schemes {
				schemes[s] = true
			}
			if b.locates(r) { // replicas in the site's own elements have URLs
				abilities[ivoa.KindSkaoData] = abilities[ivoa.KindSkaoData] || !r.Simulated
			}
		}
		fast.Executors += alive
		if alive == 0 && !p.id.IsZero() {
			continue
		}
		fast.Capacity = fast.Capacity.Add(p.timeline.Capacity())
		fast.Largest = fast.Largest.Max(p.timeline.Capacity())
		free := p.timeline.Free(scheduling.Instant(now)).Max(scheduling.Resources{})
		fast.Free = fast.Free.Add(free)
		best.consider(p, free)
	}
	window := scheduling.Instant(now).From(outlook)
	for _, l := range scheduling.Outline(best.lines(), window, digest.MaxPoints) {
		fast.Profile = append(fast.Profile, digest.Point{After: l.At.Sub(window.Start), Free: l.Free.Max(scheduling.Resources{})})
	}
	b.mu.Unlock()
	for _, e := range b.options.Transfers.Elements {
		slow.Elements = append(slow.Elements, digest.Element{Name: e.Name, Host: e.Host, Bandwidth: float64(e.Rate)})
	}
	for _, l := range transfers.Links() {
		slow.Links = append(slow.Links, digest.Link{Source: l.Source, Bandwidth: float64(l.Rate), Samples: l.Samples})
	}
	for kind, real := range abilities {
		slow.Kinds = append(slow.Kinds, kind)
		if !real {
			slow.Simulated = append(slow.Simulated, kind)
		}
	}
	for scheme := range schemes {
		slow.Schemes = append(slow.Schemes, scheme)
	}
	slices.Sort(slow.Kinds)
	slices.Sort(slow.Simulated)
	slices.Sort(slow.Schemes)
	return fast, slow
}

// roomy chooses the timelines to tell of: of each resource, those with the most of it
// free now. Where many are alike, none of them is missed for long.
type roomy struct {
	few [4][]candidate // of each resource the best, who has most first
}

type candidate struct {
	line *scheduling.Timeline
	free [4]int64
	pool identity.UUID
}

// consider takes a pool in, if it is among the best.
func (r *roomy) consider(p *pool, free scheduling.Resources) {
	c := candidate{line: p.timeline, free: [4]int64{free.Cores, free.Memory, free.Storage, free.GPUs}, pool: p.id}
	for i := range r.few {
		few := r.few[i]
		at, _ := slices.BinarySearchFunc(few, c, func(x, y candidate) int {
			return cmp.Or(cmp.Compare(y.free[i], x.free[i]), slices.Compare(x.pool[:], y.pool[:]))
		})
		if at == mostOutlined/len(r.few) {
			continue
		}
		few = slices.Insert(few, at, c)
		r.few[i] = few[:min(len(few), mostOutlined/len(r.few))]
	}
}

func (r *roomy) lines() (lines []*scheduling.Timeline) {
	for _, few := range r.few {
		for _, c := range few {
			if !slices.Contains(lines, c.line) {
				lines = append(lines, c.line)
			}
		}
	}
	return lines
}
