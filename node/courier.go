package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/store"
)

// What another node has to know of offers is written with the decision that makes it
// so, and told when that is durable, until the node has heard it or it doesn't matter
// any more: what can't be told, expiry frees. So none of it waits for another node,
// and a crash on either side loses nothing.

// courier has what is to be told, by node.
type courier struct {
	mu   sync.Mutex
	bags map[identity.NodeName]*bag
	wake chan struct{} // holds one token when a bag has come
}

// bag is what one node is to be told.
type bag struct {
	tidings []*store.Tiding
	busy    bool // somebody is on the way with it
}

// mostInBag bounds what one node is to be told. What is beyond it is told after a
// restart, if ever: it frees nothing that expiry doesn't.
const mostInBag = 50_000

func newCourier() courier {
	return courier{bags: map[identity.NodeName]*bag{}, wake: make(chan struct{}, 1)}
}

// take adds what is to be told. It is quick: the store calls it.
func (c *courier) take(tidings []*store.Tiding) {
	if len(tidings) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range tidings {
		in := c.bags[t.Node]
		if in == nil {
			in = &bag{}
			c.bags[t.Node] = in
		}
		if len(in.tidings) < mostInBag {
			in.tidings = append(in.tidings, t)
		}
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// restock has what is on the disk, and nothing else.
func (c *courier) restock(tidings []*store.Tiding) {
	c.mu.Lock()
	for _, in := range c.bags {
		in.tidings = nil
	}
	c.mu.Unlock()
	c.take(tidings)
}

// idle lists the nodes to which nobody is on the way with what they are to be told,
// and says that now somebody is.
func (c *courier) idle() (nodes []identity.NodeName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for node, in := range c.bags {
		if !in.busy && len(in.tidings) > 0 {
			in.busy = true
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// next is what to tell a node next; nothing ends the way there.
func (c *courier) next(node identity.NodeName) []*store.Tiding {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.bags[node]
	if len(in.tidings) == 0 {
		delete(c.bags, node)
		return nil
	}
	return slices.Clone(in.tidings[:min(len(in.tidings), fanout.MostTidings)])
}

// done takes out what has been told.
func (c *courier) done(node identity.NodeName, told []*store.Tiding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.bags[node]
	in.tidings = slices.DeleteFunc(in.tidings, func(t *store.Tiding) bool { return slices.Contains(told, t) })
}

// runCourier sends somebody on the way to each node that is to be told something,
// until ctx ends.
func (b *Broker) runCourier(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.courier.wake:
		}
		for _, node := range b.courier.idle() {
			b.done.Go(func() { b.deliver(ctx, node) })
		}
	}
}

// How long it may take to tell a node something, and how long the pauses are after
// which it is told again.
const (
	tellPatience = 5 * time.Second
	tellAgain    = 100 * time.Millisecond
	tellAgainMax = 15 * time.Second
)

// deliver tells a node what it is to be told, until it has heard it all.
func (b *Broker) deliver(ctx context.Context, node identity.NodeName) {
	pause := tellAgain
	for {
		batch := b.courier.next(node)
		if len(batch) == 0 {
			return
		}
		if err := b.tell(ctx, node, batch); err != nil {
			b.log.Debug("a node can't be told what became of offers", "node", node, "tidings", len(batch), "again", pause, "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, tellAgainMax)
			continue
		}
		pause = tellAgain
		b.mu.Lock()
		b.submit(write{extra: func(tx *store.Tx) error {
			for _, t := range batch {
				if err := tx.DeleteTiding(t); err != nil {
					return err
				}
			}
			return nil
		}})
		b.mu.Unlock()
		b.courier.done(node, batch)
	}
}

// tell tells a node what still matters.
func (b *Broker) tell(ctx context.Context, node identity.NodeName, batch []*store.Tiding) error {
	var tidings []fanout.Tiding
	var spans []tracing.Span
	for now := b.now(); len(batch) > 0; batch = batch[1:] {
		if t := batch[0]; now < t.Until {
			tidings = append(tidings, fanout.Tiding{Set: t.Set, Accepted: t.Accepted, Keep: t.Keep, Trace: t.Trace})
			_, span := b.options.Tracer.Resume(ctx, t.Trace, t.Span, "tell")
			span.Tell(tracing.Peer, string(node))
			spans = append(spans, span)
		}
	}
	if len(tidings) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	if err := b.options.Network.Tell(ctx, node, tidings); err != nil {
		return err // and that it was tried, however often, is in no trace
	}
	for _, span := range spans {
		span.End()
	}
	return nil
}
