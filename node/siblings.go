package node

import (
	"context"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node/store"
)

// When an offer is accepted its siblings are rejected, wherever they are. Its owner
// tells the node that put the offer set together, and that tells the owners of the
// others. Two that are accepted at two owners in the same instant both run.

// siblings is what other nodes are told of an offer that was accepted, in the write
// that accepts it.
func (b *Broker) siblings(set *store.OfferSet, accepted identity.UUID) []*store.Tiding {
	if !set.For.Set.IsZero() {
		return []*store.Tiding{{Node: set.For.Node, Set: set.For.Set, Accepted: accepted, Until: set.Expires + mostHeldMillis}}
	}
	return b.notWanted(set, "")
}

// traced has tidings bear the thread of the request that they come of.
func traced(caller identity.Caller, tidings []*store.Tiding) []*store.Tiding {
	for _, t := range tidings {
		t.Trace, t.Span = caller.Trace, caller.Span
	}
	return tidings
}

// notWanted tells all nodes that have offers in a set, but the one given, that none
// of them is wanted any more.
func (b *Broker) notWanted(set *store.OfferSet, but identity.NodeName) (list []*store.Tiding) {
	b.placing.Lock()
	defer b.placing.Unlock()
	until := map[identity.NodeName]store.Millis{}
	for _, f := range set.Elsewhere {
		until[f.Node] = max(until[f.Node], f.Expires)
	}
	for _, f := range set.Elsewhere {
		if expires, more := until[f.Node]; more && f.Node != but {
			b.unconfirmed.Dropped(f.Node, entryID(set.ID))
			list = append(list, &store.Tiding{Node: f.Node, Set: set.ID, Until: expires})
			delete(until, f.Node)
		}
	}
	return list
}

// Hear takes what another node tells of offers: which of those that were made for it
// it still wants, or that one which it made for an offer set of this node's was
// accepted. What it says of anything else is nothing to it, and changes nothing.
func (b *Broker) Hear(ctx context.Context, peer identity.NodeName, tidings []fanout.Tiding) error {
	if err := b.writable(); err != nil {
		return err
	}
	var accepted []*store.OfferSet
	var owners []identity.UUID
	var traces []identity.Trace
	for _, t := range tidings {
		if t.Accepted.IsZero() {
			continue
		}
		set, err := b.acceptedBy(peer, t)
		if err != nil {
			return err
		}
		if set != nil {
			accepted, owners, traces = append(accepted, set), append(owners, t.Accepted), append(traces, t.Trace)
		}
	}
	defer b.guard()
	b.mu.Lock()
	now := b.now()
	var w write
	for _, t := range tidings {
		if set := b.madeFor(peer, t); set != nil {
			w.sessions = append(w.sessions, b.keepOnly(set, t.Keep, now)...)
		}
	}
	for i, set := range accepted {
		if open := b.state.sets[set.ID]; open != nil {
			w.sessions = append(w.sessions, b.closeOffers(open, owners[i], ivoa.SessionRejected, now)...)
		}
		w.tidings = append(w.tidings, traced(identity.Caller{Trace: traces[i]}, b.notWanted(set, peer))...)
	}
	if len(w.sessions)+len(w.tidings) == 0 {
		b.mu.Unlock()
		return b.settle()
	}
	ticket := b.submit(w)
	b.mu.Unlock()
	return durable(ctx, ticket)
}

// keepOnly rejects the open offers of a set but some; b.mu is held.
func (b *Broker) keepOnly(set *store.OfferSet, keep []identity.UUID, now store.Millis) (rejected []*store.Session) {
	wanted := make(map[identity.UUID]bool, len(keep))
	for _, id := range keep {
		wanted[id] = true
	}
	for _, id := range set.Offers {
		if s := b.state.live[id]; s != nil && s.Phase == ivoa.SessionOffered && !wanted[id] {
			rejected = append(rejected, b.dropOffer(s, ivoa.SessionRejected, now))
		}
	}
	if !b.anyOpen(set) {
		b.closeSet(set)
	}
	return rejected
}
