package node

import (
	"cmp"
	"slices"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// displace books anew what no longer fits into a pool that has become smaller, or
// works at other times; b.mu is held. What runs already goes on; offers are
// withdrawn first, since accepted sessions come before them.
func (b *Broker) displace(p *pool, now store.Millis) {
	for _, id := range p.timeline.OverCapacity(scheduling.Instant(now)) {
		if s := b.state.live[identity.UUID(id)]; s != nil && s.Phase == ivoa.SessionOffered {
			b.withdraw(b.state.sets[s.OfferSet], p, noRoom, now)
		}
	}
	var displaced []*store.Session
	for _, id := range p.timeline.OverCapacity(scheduling.Instant(now)) {
		if s := b.state.live[identity.UUID(id)]; s != nil && despatchable(s) {
			displaced = append(displaced, s)
		}
	}
	// All make room first, so that those that come first keep their places.
	for _, s := range displaced {
		_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start)))
	}
	for i, s := range displaced {
		planned := s.Plan.Start
		s = b.rebook(p, s, max(now, planned))
		if s.Live() && s.Plan.Start > max(now, planned) {
			s = b.change(s, func(s *store.Session) {
				tell(s, now, ivoa.LevelWarn, "the executor has less than was booked, or works at other times: the start moves to {start}",
					"start", ivoa.FormatInstant(wall(s.Plan.Start+s.Plan.Preparing)))
			})
		}
		displaced[i] = s
	}
	if len(displaced) > 0 {
		b.submit(write{sessions: displaced})
	}
}

// noRoom is why most offers are withdrawn.
const noRoom = "{site} has no room for this any more"

// withdraw ends an offer set's open offers at a pool and says why.
func (b *Broker) withdraw(set *store.OfferSet, p *pool, why string, now store.Millis) {
	var withdrawn []*store.Session
	for _, id := range set.Offers {
		s := b.state.live[id]
		if s == nil || s.Phase != ivoa.SessionOffered || s.Plan.Pool != p.id {
			continue
		}
		_ = p.timeline.DropAlternative(entryID(id)) // after a restart it may not be held
		withdrawn = append(withdrawn, b.change(s, func(s *store.Session) {
			s.Messages = appendMessage(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelWarn, messagePhase,
				"withdrawn: "+why, "site", string(b.options.Name)))
			enter(s, ivoa.SessionExpired, now)
		}))
	}
	if len(withdrawn) == 0 {
		return
	}
	if !b.anyOpen(set) {
		b.closeSet(set)
	}
	b.submit(write{sessions: withdrawn})
}

// working reports whether a pool works at an instant.
func (p *pool) working(now store.Millis) bool {
	windows := p.timeline.Windows()
	for _, w := range windows {
		if w.Contains(scheduling.Window{Start: scheduling.Instant(now), End: scheduling.Instant(now + 1)}) {
			return true
		}
	}
	return len(windows) == 0
}

// maxWay bounds how many bookings make way for one that is late.
const maxWay = 256

// makeWay lets a session that is late begin now all the same: the bookings that
// follow it in its pool begin later, in their order. Without it a late session
// would go behind those that follow it, which would be late in turn, and none
// would ever run. What runs or is offered makes no way.
func (b *Broker) makeWay(p *pool, s *store.Session, now store.Millis) (*store.Session, bool) {
	length := s.Plan.End - s.Plan.Start
	others := b.following(p, s, now)
	for _, o := range append(others[:len(others):len(others)], s) {
		_ = p.timeline.End(entryID(o.ID), scheduling.Instant(min(now, o.Plan.Start)))
	}
	started := *s
	started.Plan.Start, started.Plan.Latest, started.Plan.End = now, now, now+length
	begins := b.book(&started) == nil
	if begins {
		s = b.change(s, func(s *store.Session) { s.Plan = started.Plan })
	}
	var moved []*store.Session
	for _, o := range others {
		if again := b.rebook(p, o, max(now, o.Plan.Start)); again != o {
			if again.Plan.Start > o.Plan.Start {
				again = b.change(again, func(s *store.Session) {
					s.Waited = slices.DeleteFunc(slices.Clone(s.Waited), func(w store.Wait) bool { return w.At == now }) // for want of room, but for whom is known
					s.Waits(store.Wait{At: now, From: o.Plan.Start, Until: s.Plan.Start + s.Plan.Preparing, Cause: store.Gave})
				})
			}
			moved = append(moved, again)
		}
	}
	if len(moved) > 0 {
		b.submit(write{sessions: moved})
	}
	return s, begins
}

// following lists the bookings of a pool that follow a late session, the next
// first.
func (b *Broker) following(p *pool, s *store.Session, now store.Millis) []*store.Session {
	var list []*store.Session
	for _, o := range b.state.live {
		// Who must begin in time makes no way: it would fail for another's lateness.
		if o.ID != s.ID && o.Plan.Pool == p.id && despatchable(o) && o.Plan.End > now && o.Plan.NotAfter == 0 {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(x, y *store.Session) int {
		return cmp.Or(cmp.Compare(x.Plan.Start, y.Plan.Start), compareUUIDs(x.ID, y.ID))
	})
	return list[:min(len(list), maxWay)]
}
