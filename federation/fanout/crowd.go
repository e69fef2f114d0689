package fanout

import (
	"sync"

	"starling/federation/identity"
)

// mostAtOnce is how many questions one node may have to answer at a time: twice what
// the line takes, so that those who wait for a place on it still have time.
const mostAtOnce = 256

// crowd counts the questions that wait for an answer, by node, so that one that hangs
// doesn't gather all who ask: of one that hasn't answered the last question, one at a
// time waits to see whether it does again, and all others go on without it at once.
type crowd struct {
	mu    sync.Mutex
	nodes map[identity.NodeName]*waiting
}

// waiting are the questions that one node has to answer.
type waiting struct {
	inside int
	hangs  bool // it hasn't answered the last one
}

// enter reports whether a node may be asked now; then leave says whether it answered.
// If not, the fault says why.
func (c *crowd) enter(node identity.NodeName) *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.nodes[node]
	if w == nil {
		w = &waiting{}
		if c.nodes == nil {
			c.nodes = map[identity.NodeName]*waiting{}
		}
		c.nodes[node] = w
	}
	switch {
	case w.hangs && w.inside > 0:
		return fault(Slow, "it has not answered the last question in time, and another one waits for it")
	case w.inside >= mostAtOnce:
		return fault(Slow, "it has %d questions of this node to answer already", mostAtOnce)
	}
	w.inside++
	return nil
}

func (c *crowd) leave(node identity.NodeName, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.nodes[node]
	w.inside--
	if w.hangs = !answered; w.inside == 0 && answered {
		delete(c.nodes, node)
	}
}
