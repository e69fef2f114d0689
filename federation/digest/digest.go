package digest

import (
	"time"

	"starling/federation/identity"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// MaxPoints bounds a profile.
const MaxPoints = 32

// Fast is how a node is now.
type Fast struct {
	// Capacity and Free are those of all pools together, now.
	Capacity, Free scheduling.Resources
	// Largest is the most of each resource that one session could get here, ever: what
	// some pool has. Where pools differ, none may have all of it.
	Largest scheduling.Resources
	// Profile is how much of each resource some pool could give a session over the
	// next hours: each point holds until the next, and the last one for ever. The first
	// is at 0. None: nothing is known.
	Profile []Point
	Queue   int // sessions that wait for their start
	Running int
	// Executors is how many of them are alive.
	Executors int
	// Closed says that the node takes no work at present.
	Closed bool
	// Slow is the hash of the slow part.
	Slow Hash
}

// Point is what is free from a moment on, counted from when the digest was made.
type Point struct {
	After scheduling.Span // whole seconds
	Free  scheduling.Resources
}

// Hash tells one slow part from another.
type Hash [8]byte

// Slow is what a node can do and what it asks for it.
type Slow struct {
	// Kinds are those of executables and of data that some executor here takes;
	// Simulated are those of them that are only simulated.
	Kinds     []string `json:"kinds,omitempty"`
	Simulated []string `json:"simulated,omitempty"`
	// Schemes are those of URLs from which data are fetched.
	Schemes []string `json:"schemes,omitempty"`
	// Elements are the storage elements that belong to the site.
	Elements []Element `json:"elements,omitempty"`
	// Links are how fast data come to this site, from where that is configured or was
	// learned.
	Links []Link `json:"links,omitempty"`
	// Rates are what a session costs, by type of cost (URN), at the present time of the day:
	// estimates, to compare sites before they are asked.
	Rates []Rate `json:"rates,omitempty"`
	// ComputePerformance is GFLOP/s of a core; 0: not said.
	ComputePerformance float64 `json:"computePerformance,omitempty"`
	// MaxDuration is the longest session that the site takes, in seconds; 0: not said.
	MaxDuration float64 `json:"maxDuration,omitempty"`
}

// Element is a storage element of a site.
type Element struct {
	Name string `json:"name"`
	// Host is that of the URLs of what lies in it.
	Host string `json:"host,omitempty"`
	// Bandwidth is how fast its own site reads from it, in bytes per second.
	Bandwidth float64 `json:"bandwidth,omitempty"`
}

// Link is how fast data come to a site from a source.
type Link struct {
	// Source is a storage element, or the host of a URL; transfer.Anywhere stands for
	// all that have no link of their own.
	Source string `json:"source"`
	// Bandwidth is in bytes per second; Samples, how many stagings have taught it, 0
	// if it is configured only.
	Bandwidth float64 `json:"bandwidth"`
	Samples   int     `json:"samples,omitempty"`
}

// Rate is what use costs, in the unit of its type.
type Rate struct {
	Type string `json:"type"` // a URN: ivoa.CostMonetary and the like
	Unit string `json:"unit,omitempty"`
	// Hour is what an hour costs, however small a session is; the others are what an
	// hour of each costs on top.
	Hour        float64 `json:"hour,omitempty"`
	CoreHour    float64 `json:"coreHour,omitempty"`
	MemoryHour  float64 `json:"memoryHour,omitempty"`  // of a GiB
	StorageHour float64 `json:"storageHour,omitempty"` // of a GiB
	GPUHour     float64 `json:"gpuHour,omitempty"`
}

// Known is a node as this one knows it.
type Known struct {
	Node  identity.NodeName
	Self  bool
	Alive bool
	// Age is how old the fast part is; Said, whether there is one.
	Age  time.Duration
	Said bool
	Fast Fast
	Slow *Slow // nil while it is not known
	// Transfers is Slow.Transfers(), if somebody has made it before: it costs too much to
	// be made for each question.
	Transfers *transfer.Model
}
