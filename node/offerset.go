package node

import (
	"slices"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// hold takes an offer set's slots off the timelines, one group at each, and
// returns the offers that it could hold, in their order.
func (b *Broker) hold(set *store.OfferSet, pools []*pool, sessions []*store.Session) (held []*store.Session) {
	for _, p := range pools {
		var alternatives []scheduling.Alternative
		for _, s := range sessions {
			if s.Plan.Pool == p.id {
				alternatives = append(alternatives, scheduling.Alternative{ID: entryID(s.ID), Slot: slotOf(s.Plan)})
			}
		}
		if len(alternatives) == 0 {
			continue
		}
		if err := p.timeline.Hold(entryID(set.ID), b.options.Offers.HoldShare, alternatives...); err != nil {
			// Propose found these slots on the same timeline under the same lock.
			b.log.Error("a proposal could not be held", "offerset", set.ID.String(), "error", err)
			sessions = slices.DeleteFunc(slices.Clone(sessions), func(s *store.Session) bool { return s.Plan.Pool == p.id })
			continue
		}
		b.tidy(p)
	}
	for _, s := range sessions {
		set.Offers = append(set.Offers, s.ID)
		b.state.live[s.ID] = s
		b.count(s)
		b.metrics.moved("", s.Phase)
	}
	return sessions
}

// openSet notes that a set's offers are open, and when they expire.
func (b *Broker) openSet(set *store.OfferSet) {
	b.state.sets[set.ID] = set
	if !set.For.Set.IsZero() {
		b.state.made[set.For.Set] = set.ID
	}
	b.state.open[set.User]++
	id := set.ID // the agenda mustn't keep the set: most are closed long before they would expire
	b.at(set.Expires, func(now store.Millis) { b.expire(id, now) })
}

// closeSet notes that none of a set's offers is open any more.
func (b *Broker) closeSet(set *store.OfferSet) {
	if _, open := b.state.sets[set.ID]; !open {
		return
	}
	delete(b.state.sets, set.ID)
	delete(b.state.made, set.For.Set)
	if b.state.open[set.User]--; b.state.open[set.User] <= 0 {
		delete(b.state.open, set.User)
	}
}

// expire ends what is still open of an offer set.
func (b *Broker) expire(id identity.UUID, now store.Millis) {
	set := b.state.sets[id]
	if set == nil {
		return
	}
	if expired := b.closeOffers(set, identity.UUID{}, ivoa.SessionExpired, now); len(expired) > 0 {
		b.submit(write{sessions: expired})
	}
}

// closeOffers ends an offer set: its open offers but the one given come to a
// phase, and their slots are freed. It returns them.
func (b *Broker) closeOffers(set *store.OfferSet, but identity.UUID, phase ivoa.SessionPhase, now store.Millis) []*store.Session {
	var closed []*store.Session
	for _, id := range set.Offers {
		s := b.state.live[id]
		if s == nil || id == but || s.Phase != ivoa.SessionOffered {
			continue
		}
		closed = append(closed, b.dropOffer(s, phase, now))
	}
	b.closeSet(set)
	return closed
}

// retract rejects what is still open of an offer set.
func (b *Broker) retract(id identity.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if set := b.state.sets[id]; set != nil {
		b.submit(write{sessions: b.closeOffers(set, identity.UUID{}, ivoa.SessionRejected, b.now())})
	}
}

// dropOffer ends an open offer, and frees its slot.
func (b *Broker) dropOffer(s *store.Session, phase ivoa.SessionPhase, now store.Millis) *store.Session {
	p := b.state.pools[s.Plan.Pool]
	// Where a sibling was accepted, the timeline has dropped it already.
	if err := p.timeline.DropAlternative(entryID(s.ID)); err == nil {
		b.free(p)
	}
	return b.change(s, func(s *store.Session) { enter(s, phase, now) })
}
