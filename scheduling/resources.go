package scheduling

import (
	"fmt"
	"math"
	"slices"
)

// Resources is an amount of everything that a pool books together.
type Resources struct {
	Cores   int64
	Memory  int64 // GiB
	Storage int64 // GiB
	GPUs    int64
}

// maxAmount bounds each resource, so that no sum over a timeline can overflow.
const maxAmount = 1 << 48

// Add returns r + s.
func (r Resources) Add(s Resources) Resources {
	return Resources{r.Cores + s.Cores, r.Memory + s.Memory, r.Storage + s.Storage, r.GPUs + s.GPUs}
}

// Sub returns r − s.
func (r Resources) Sub(s Resources) Resources {
	return Resources{r.Cores - s.Cores, r.Memory - s.Memory, r.Storage - s.Storage, r.GPUs - s.GPUs}
}

// Neg returns −r.
func (r Resources) Neg() Resources { return Resources{}.Sub(r) }

// Max returns the greater of r and s, resource by resource.
func (r Resources) Max(s Resources) Resources {
	return Resources{max(r.Cores, s.Cores), max(r.Memory, s.Memory), max(r.Storage, s.Storage), max(r.GPUs, s.GPUs)}
}

// Min returns the lesser of r and s, resource by resource.
func (r Resources) Min(s Resources) Resources {
	return Resources{min(r.Cores, s.Cores), min(r.Memory, s.Memory), min(r.Storage, s.Storage), min(r.GPUs, s.GPUs)}
}

// Fits reports whether r fits into free: no resource of r exceeds that of free.
func (r Resources) Fits(free Resources) bool {
	return r.Cores <= free.Cores && r.Memory <= free.Memory && r.Storage <= free.Storage && r.GPUs <= free.GPUs
}

// within is Fits without copies, for the searches.
func (r *Resources) within(free *Resources) bool {
	return r.Cores <= free.Cores && r.Memory <= free.Memory && r.Storage <= free.Storage && r.GPUs <= free.GPUs
}

// IsZero reports whether r is nothing at all.
func (r Resources) IsZero() bool { return r == Resources{} }

// Scale returns the given share of r, rounded down. A share is usually between 0 and 1.
func (r Resources) Scale(share float64) Resources {
	part := func(amount int64) int64 { return int64(math.Floor(float64(amount) * share)) }
	return Resources{part(r.Cores), part(r.Memory), part(r.Storage), part(r.GPUs)}
}

// Lack is a resource of which more is needed than there is.
type Lack struct {
	Name          string
	Needed, There int64
}

// Lacking lists every resource of which r needs more than is free; nothing if r fits.
func (r Resources) Lacking(free Resources) []Lack {
	all := []Lack{
		{"cores", r.Cores, free.Cores}, {"memory", r.Memory, free.Memory},
		{"storage", r.Storage, free.Storage}, {"gpus", r.GPUs, free.GPUs},
	}
	return slices.DeleteFunc(all, func(l Lack) bool { return l.Needed <= l.There })
}

// String returns the amounts with their units.
func (r Resources) String() string {
	return fmt.Sprintf("%d cores, %d GiB memory, %d GiB storage, %d GPUs", r.Cores, r.Memory, r.Storage, r.GPUs)
}

// valid reports whether r can be a need or a capacity: nothing negative, nothing absurdly large.
func (r Resources) valid() bool {
	return Resources{}.Fits(r) && r.Fits(Resources{maxAmount, maxAmount, maxAmount, maxAmount})
}
