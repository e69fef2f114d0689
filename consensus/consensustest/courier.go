package consensustest

import (
	"context"
	"fmt"
)

// Attach has a node's requests answered until detach is called: by one that is
// up.
func (n *Network) Attach(name string, answer Answer) (detach func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = answer
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.answers, name)
	}
}

// A Courier carries a node's requests to others; it is the log's Forwarder.
type Courier struct {
	network *Network
	from    string
}

// Courier is the one of a node.
func (n *Network) Courier(from string) Courier { return Courier{n, from} }

// Forward takes a request to a node and brings its answer back. Where either way
// is cut for longer than a moment there is an error instead; the request may have
// arrived even so.
func (c Courier) Forward(ctx context.Context, node string, request []byte) ([]byte, error) {
	way, cancel := context.WithTimeout(ctx, c.network.waitMost)
	defer cancel()
	if err := c.network.Pass(way, c.from, node); err != nil {
		return nil, err
	}
	c.network.mu.Lock()
	answer := c.network.answers[node]
	c.network.mu.Unlock()
	if answer == nil {
		return nil, fmt.Errorf("%s is down", node)
	}
	answered := answer(ctx, c.from, request)
	back, cancelBack := context.WithTimeout(ctx, c.network.waitMost)
	defer cancelBack()
	if err := c.network.Pass(back, node, c.from); err != nil {
		return nil, err // it has arrived, but nobody here will know
	}
	return answered, nil
}
