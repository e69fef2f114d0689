package node

import (
	"fmt"
	"slices"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/consensus"
	"starling/federation/identity"
	"starling/scheduling"
)

// Availability is what a node has to give, and how busy it is.
type Availability struct {
	Capacity  despatch.Capacity `json:"capacity"`
	Free      despatch.Capacity `json:"free"` // now
	Kinds     []string          `json:"kinds"`
	Queue     int               `json:"queue"` // sessions that wait for their start
	Running   int               `json:"running"`
	Executors int               `json:"executors"` // those that are alive
}

// Availability returns what this node has and what is free of it, over all pools.
func (b *Broker) Availability() Availability {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	status := Availability{Kinds: []string{}, Running: len(b.state.attempts)}
	var capacity, free scheduling.Resources
	for _, p := range b.state.pools {
		status.Queue += len(p.queue.members)
		alive := false
		for _, e := range p.executors {
			if !e.alive(now) {
				continue
			}
			alive = true
			status.Executors++
			for _, k := range e.Registration.Kinds {
				status.Kinds = addOnce(status.Kinds, k)
			}
		}
		if alive || p.id == (identity.UUID{}) {
			capacity = capacity.Add(p.timeline.Capacity())
			free = free.Add(p.timeline.Free(scheduling.Instant(now)).Max(scheduling.Resources{}))
		}
	}
	slices.Sort(status.Kinds)
	status.Capacity, status.Free = wireCapacity(capacity), wireCapacity(free)
	return status
}

func wireCapacity(r scheduling.Resources) despatch.Capacity {
	return despatch.Capacity{Cores: r.Cores, Memory: r.Memory, Storage: r.Storage, GPUs: r.GPUs}
}

// Unfinished is how many sessions were accepted here and have not ended.
func (b *Broker) Unfinished() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.state.live {
		if s.Phase != ivoa.SessionOffered {
			n++
		}
	}
	return n
}

// Ready says, in words for people, why the node takes no work; nothing: it does.
func (b *Broker) Ready() []string {
	var why []string
	if err := b.store.Failed(); err != nil {
		why = append(why, err.Error())
	}
	if err := b.options.Record.Err(); err != nil {
		why = append(why, fmt.Sprintf("the record of history and accounts: %v", err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping {
		why = append(why, "the node is stopping")
	}
	return why
}

// LogStatus is where the log of history and accounts stands.
func (b *Broker) LogStatus() consensus.Status { return b.options.Record.Status() }
