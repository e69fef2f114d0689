package fanout

import (
	"sync"

	"starling/federation/identity"
)

// mostAtOnce is how many questions one node may have to answer at a time: twice what
// the line takes, so that those who wait for a place on it still have time.
const mostAtOnce = 256

// crowd counts the questions that wait for an answer, by node, so that one that hangs
// doesn't gather all who ask.
type crowd struct {
	mu     sync.Mutex
	inside map[identity.NodeName]int
}

func (c *crowd) enter(node identity.NodeName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside == nil {
		c.inside = map[identity.NodeName]int{}
	}
	if c.inside[node] >= mostAtOnce {
		return false
	}
	c.inside[node]++
	return true
}

func (c *crowd) leave(node identity.NodeName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inside[node]--; c.inside[node] == 0 {
		delete(c.inside, node)
	}
}
