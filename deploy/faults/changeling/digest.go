package changeling

import (
	"starling/federation/digest"
	"starling/node/cluster"
	"starling/scheduling"
)

// plenty is what nobody has.
var plenty = scheduling.Resources{Cores: 1 << 40, Memory: 1 << 40, Storage: 1 << 40, GPUs: 1 << 40}

// describe tells the others that everything is here, free, and for nothing, while the
// node is of a mind to boast.
func (c *Changeling) describe(own cluster.Source) cluster.Source {
	return func() (digest.Fast, digest.Slow) {
		fast, slow := own()
		if c.orders.Load().Mind == "lying-of-more" {
			fast.Capacity, fast.Free, fast.Largest = plenty, plenty, plenty
			fast.Profile = []digest.Point{{Free: plenty}}
			fast.Queue, fast.Running = 0, 0
			slow.Rates = nil
			slow.ComputePerformance = 1e12
		}
		return fast, slow
	}
}
