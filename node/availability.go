package node

import (
	"starling/api/despatch"
	"starling/federation/digest"
	"starling/scheduling"
)

// Availability is what a node has to give, how busy it is and what it asks, as
// clients read it: a digest in plain words.
type Availability struct {
	Capacity despatch.Capacity `json:"capacity"`
	Free     despatch.Capacity `json:"free"` // now
	// Largest is the most of each resource that one session could get, ever.
	Largest despatch.Capacity `json:"largest"`
	// Profile is how much of each resource one session could get, from now on.
	Profile   []Level `json:"profile,omitempty"`
	Queue     int     `json:"queue"` // sessions that wait for their start
	Running   int     `json:"running"`
	Executors int     `json:"executors"` // those that are alive
	// Closed says that the node takes no work at present.
	Closed bool `json:"closed,omitempty"`

	// What follows is not known of a node that was heard of a moment ago.

	Kinds     []string         `json:"kinds"`
	Simulated []string         `json:"simulated,omitempty"` // those of kinds that are only simulated
	Schemes   []string         `json:"schemes,omitempty"`   // of URLs from which data are fetched
	Elements  []digest.Element `json:"elements,omitempty"`  // storage elements of the site
	Links     []digest.Link    `json:"links,omitempty"`     // how fast data come to the site
	Rates     []digest.Rate    `json:"rates,omitempty"`     // estimates, at present
	// ComputePerformance is GFLOP/s of a core.
	ComputePerformance float64 `json:"computePerformance,omitempty"`
	MaxDurationSeconds float64 `json:"maxDurationSeconds,omitempty"`
}

// Level is what is free from a moment on, until the next level.
type Level struct {
	AfterSeconds float64           `json:"afterSeconds"` // since the node said so
	Free         despatch.Capacity `json:"free"`
}

// AvailabilityOf puts a digest into plain words; slow is nil while it isn't known.
func AvailabilityOf(fast digest.Fast, slow *digest.Slow) Availability {
	a := Availability{
		Capacity: wireCapacity(fast.Capacity), Free: wireCapacity(fast.Free), Largest: wireCapacity(fast.Largest),
		Queue: fast.Queue, Running: fast.Running, Executors: fast.Executors, Closed: fast.Closed, Kinds: []string{},
	}
	for _, p := range fast.Profile {
		a.Profile = append(a.Profile, Level{AfterSeconds: p.After.Duration().Seconds(), Free: wireCapacity(p.Free)})
	}
	if slow != nil {
		a.Kinds = append(a.Kinds, slow.Kinds...)
		a.Simulated, a.Schemes, a.Elements, a.Links, a.Rates = slow.Simulated, slow.Schemes, slow.Elements, slow.Links, slow.Rates
		a.ComputePerformance, a.MaxDurationSeconds = slow.ComputePerformance, slow.MaxDuration
	}
	return a
}

func wireCapacity(r scheduling.Resources) despatch.Capacity {
	return despatch.Capacity{Cores: r.Cores, Memory: r.Memory, Storage: r.Storage, GPUs: r.GPUs}
}
