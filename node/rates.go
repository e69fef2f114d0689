package node

import (
	"slices"
	"sync"
	"time"

	"starling/accounting"
	"starling/federation/digest"
	"starling/federation/identity"
)

// rates is what this site's tariff asks for an hour at present, for others to compare
// it with theirs before they ask. It is worked out once a minute at most.
type rates struct {
	costs accounting.CostModel
	site  identity.NodeName

	mu     sync.Mutex
	minute time.Time
	known  []digest.Rate
}

// at is what holds at a time. A tariff whose answer depends on who asks, or on the
// kind of work, is asked for nobody's work of no kind.
func (r *rates) at(now time.Time) []digest.Rate {
	minute := now.Truncate(time.Minute)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !minute.Equal(r.minute) {
		r.minute, r.known = minute, r.ask(minute)
	}
	return slices.Clone(r.known)
}

func (r *rates) ask(start time.Time) []digest.Rate {
	// An hour at one price: up to a change, where one is near.
	if changes := r.costs.Changes(start.Add(time.Millisecond), start.Add(time.Hour)); len(changes) > 0 {
		start = changes[0].Add(-time.Hour)
	}
	bare := r.hour(start, accounting.Footprint{})
	core, memory := r.hour(start, accounting.Footprint{Cores: 1}), r.hour(start, accounting.Footprint{MemoryGiB: 1})
	storage, gpu := r.hour(start, accounting.Footprint{StorageGiB: 1}), r.hour(start, accounting.Footprint{GPUs: 1})
	var list []digest.Rate
	for _, q := range r.costs.Units() {
		base, priced := valueOf(bare, q.Name)
		more := func(net []accounting.Quantity) float64 {
			value, charged := valueOf(net, q.Name)
			priced = priced || charged
			return max(0, value-base)
		}
		rate := digest.Rate{
			Type: costType(q.Name), Unit: string(q.Unit), Hour: base,
			CoreHour: more(core), MemoryHour: more(memory), StorageHour: more(storage), GPUHour: more(gpu),
		}
		if priced {
			list = append(list, rate)
		}
	}
	return list
}

// hour is what an hour of some resources is charged.
func (r *rates) hour(start time.Time, size accounting.Footprint) []accounting.Quantity {
	bill, _ := estimate(r.costs, accounting.Work{Site: accounting.NodeName(r.site), Size: size}, start, time.Hour) // what can't be priced is left out
	return bill.Net()
}
