package node

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling/placement"
)

// foreignOffer is what is kept of another node's offer.
func (c choice) foreignOffer(set *store.OfferSet, place int, r placement.Ranked) store.Foreign {
	id, _ := identity.ParseUUID(c.foreign.UUID()) // package fanout has read it
	return store.Foreign{
		ID: id, Node: c.node, Set: c.set, Place: place, Expires: c.foreign.Expires.UnixMilli(), Offer: snapshot(c.foreign),
		Messages: []ivoa.Message{placeMessage(c.node, set.Created, place, r)},
	}
}

// snapshot writes what an offer adds to its request.
func snapshot(offer *ivoa.Session) []byte {
	kept := *offer
	kept.Components = ivoa.Components{}
	if compute, ok := offer.Compute.(*ivoa.SimpleComputeResource); ok {
		bare := *compute
		bare.Mounts = ivoa.Mounts{}
		kept.Compute = &bare
	}
	text, _ := ivoa.Encode(ivoa.JSON, &kept) // what was read can be written
	return bytes.Clone(text)
}

// remembered is the offer of which a snapshot was made, with what was asked for.
func remembered(f store.Foreign, request *ivoa.ExecutionRequest) (*ivoa.Session, error) {
	var s ivoa.Session
	if _, err := ivoa.Decode(ivoa.JSON, f.Offer, storedLimits, &s); err != nil {
		return nil, fmt.Errorf("the stored offer %s is damaged: %w", f.ID, err)
	}
	asked := ivoa.Clone(request).Components
	if asked.Compute != nil && s.Compute != nil {
		asked.Compute = s.Compute
	}
	s.Components = asked
	return &s, nil
}

// viewForeign is another node's offer as this one shows it.
func viewForeign(f store.Foreign, s *ivoa.Session) *ivoa.Session {
	s.AddMessages(f.Messages...)
	s.Meta.Options = optionsIn(s.Phase)
	return s
}

// standing asks the other nodes of an offer set how their offers stand, on behalf of
// the caller.
func (b *Broker) standing(ctx context.Context, caller identity.Caller, set *store.OfferSet, request *ivoa.ExecutionRequest) map[identity.UUID]*ivoa.Session {
	if len(set.Elsewhere) == 0 {
		return nil
	}
	type source struct {
		node identity.NodeName
		set  identity.UUID
	}
	ctx, cancel := context.WithTimeout(ctx, fanout.Patience)
	defer cancel()
	var asking sync.WaitGroup
	var mu sync.Mutex
	live, failed := map[identity.UUID]*ivoa.Session{}, map[source]error{}
	asked := map[source]bool{}
	for _, f := range set.Elsewhere {
		from := source{f.Node, f.Set}
		if asked[from] {
			continue
		}
		asked[from] = true
		asking.Go(func() {
			found, err := b.offersOf(ctx, caller, from.node, from.set)
			mu.Lock()
			defer mu.Unlock()
			failed[from] = err
			for id, s := range found {
				live[id] = s
			}
		})
	}
	asking.Wait()
	shown := make(map[identity.UUID]*ivoa.Session, len(set.Elsewhere))
	for _, f := range set.Elsewhere {
		if shown[f.ID] = live[f.ID]; shown[f.ID] == nil {
			shown[f.ID] = b.lastKnown(set, f, failed[source{f.Node, f.Set}], request)
		}
	}
	return shown
}

func (b *Broker) offersOf(ctx context.Context, caller identity.Caller, node identity.NodeName, set identity.UUID) (map[identity.UUID]*ivoa.Session, error) {
	if b.options.Network == nil {
		return nil, &fanout.Fault{Kind: fanout.Unreachable, Detail: "this node belongs to no federation at the moment"}
	}
	caller.Via = nil // the question is this node's own: by whom the caller's came doesn't matter, were it that node
	return b.options.Network.Offers(ctx, caller, node, set)
}

// lastKnown is an offer as its node made it, with a word on why no more is known.
func (b *Broker) lastKnown(set *store.OfferSet, f store.Foreign, why error, request *ivoa.ExecutionRequest) *ivoa.Session {
	s, err := remembered(f, request)
	if err != nil {
		b.log.Error("an offer can't be shown", "offerset", set.ID.String(), "error", err)
		return nil
	}
	reason := "it doesn't show it any more"
	if why != nil {
		reason = why.Error()
	}
	now := b.now()
	if now >= f.Expires {
		s.Phase, s.Expires = ivoa.SessionExpired, ivoa.Time{}
	}
	s.AddMessages(ivoa.NewMessage(wall(now), ivoa.LevelWarn, messageStale, "{site} can't say how this offer stands: {reason}. It is shown as it was at {time}",
		"site", string(f.Node), "reason", reason, "time", ivoa.FormatInstant(wall(set.Created))))
	return s
}
