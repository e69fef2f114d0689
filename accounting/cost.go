package accounting

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// A CostModel says what work costs. It is evaluated by the node that owns a
// session, and its answers go into commands; the state machine never asks it.
// [Tariff] is one; package costs has others, which operators write.
type CostModel interface {
	// Charge is what the work costs, or would cost: the same for an estimate
	// beforehand as for the charge at the end. With an error, the bill has what
	// could be priced all the same; the error says what is missing.
	Charge(w Work) (Bill, error)
	// Changes lists the instants from <= t < until at which prices change, in
	// order, at most MaxChanges: an offer that begins there may be cheaper.
	Changes(from, until time.Time) []time.Time
	// Hash names these very prices; it is recorded with each charge.
	Hash() TariffHash
	// Units are the resources that may be charged, each with its unit and an
	// amount of 0: money first.
	Units() []Quantity
}

// Work is what a cost model prices: what is used, from when to when, by whom.
type Work struct {
	Kind   string // of the executable
	Site   NodeName
	Pool   string // the executor whose capacity it takes; "": the site's own
	Owners Owners
	Size   Footprint

	Usage      []Quantity // spread evenly from start to end
	Start, End time.Time
}

// A Bill is what a cost model makes of some work. What costs nothing is left
// out.
type Bill struct {
	Charges   []Quantity
	Discounts []Discount // each is off one of the charges
}

// A Discount is what is taken off a charge: an entry of its own, so that the
// price stays to be seen.
type Discount struct {
	Name string
	Off  Quantity
}

// Net is what is left to pay of each charge.
func (b Bill) Net() []Quantity {
	net := slices.Clone(b.Charges)
	for _, d := range b.Discounts {
		for i, q := range net {
			if q.Name == d.Off.Name && q.Unit == d.Off.Unit {
				net[i].Amount -= min(d.Off.Amount, q.Amount)
			}
		}
	}
	return net
}

// MaxChanges bounds the answer of CostModel.Changes.
const MaxChanges = 256

// What is charged. Energy and carbon are counted like money.
const (
	Monetary Resource = "monetary" // in the tariff's currency
	Energy   Resource = "energy"   // kWh
	Carbon   Resource = "carbon"   // kg of CO₂ equivalent

	KilowattHours Unit = "kWh"
	Kilograms     Unit = "kg"
)

// What a node measures of every session. Executors may report more.
const (
	CoreSeconds       Resource = "core-seconds"
	MemoryGiBSeconds  Resource = "memory-gib-seconds"
	StorageGiBSeconds Resource = "storage-gib-seconds"
	GPUSeconds        Resource = "gpu-seconds"
	TotalTime         Resource = "total-time"
	BytesStaged       Resource = "bytes-staged"

	Seconds    Unit = "s"
	GiBSeconds Unit = "GiB s"
)

// A Footprint is what a session occupies while it runs.
type Footprint struct {
	Cores, MemoryGiB, StorageGiB, GPUs int64
	BytesStaged                        int64 // altogether
}

// Usage is what the footprint amounts to over a duration: the usage to estimate
// from, and to charge where an executor reports nothing better.
func (f Footprint) Usage(d time.Duration) ([]Quantity, error) {
	if d < 0 {
		return nil, invalid("usage", "duration %v is below zero", d)
	}
	parts := []struct {
		name Resource
		unit Unit
		n    int64
	}{
		{TotalTime, Seconds, 1},
		{CoreSeconds, Seconds, f.Cores},
		{MemoryGiBSeconds, GiBSeconds, f.MemoryGiB},
		{StorageGiBSeconds, GiBSeconds, f.StorageGiB},
		{GPUSeconds, Seconds, f.GPUs},
	}
	var usage []Quantity
	for _, p := range parts {
		if p.n < 0 {
			return nil, invalid("usage", "%s of %d at a time", p.name, p.n)
		}
		// A duration is in nanoseconds, an amount in microseconds.
		high, low := bits.Mul64(uint64(p.n), uint64(d/time.Microsecond))
		if high != 0 || low > math.MaxInt64 {
			return nil, overflow("usage", fmt.Sprintf("%d × %v of %s", p.n, d, p.name))
		}
		if low > 0 {
			usage = append(usage, Quantity{p.name, Amount(low), p.unit})
		}
	}
	if f.BytesStaged < 0 {
		return nil, invalid("usage", "%d bytes staged", f.BytesStaged)
	}
	if f.BytesStaged > 0 {
		usage = append(usage, Quantity{BytesStaged, Amount(f.BytesStaged), Bytes})
	}
	return usage, nil
}
