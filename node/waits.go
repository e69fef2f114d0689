package node

import (
	"starling/node/store"
	"starling/scheduling"
)

// Why sessions wait is known when it is decided, and hard to find out later: so it is
// noted there, with the decision, for those who ask afterwards (GET
// /sessions/{uuid}/explanation). Whose bookings are in the way isn't noted, only how
// many.

// mostCounted bounds how many bookings are counted that are in the way.
const mostCounted = 1000

// soon is what nobody calls waiting, in milliseconds.
const soon = 1000

// wherefore is why a session that is booked begins when it does, and not at an instant
// before; nothing where that is soon. b.mu is held.
func (b *Broker) wherefore(p *pool, s *store.Session, from, now store.Millis) (w store.Wait, waits bool) {
	start := s.Plan.Start
	if start-from <= soon {
		return w, false
	}
	w = store.Wait{At: now, From: from, Until: start + s.Plan.Preparing}
	o := p.timeline.Obstacle(resourcesOf(s.Plan), scheduling.Instant(from), scheduling.Instant(start), mostCounted)
	switch {
	case s.Plan.Earliest >= start:
		w.Cause = store.Wanted
	case o.Closed:
		w.Cause = store.Closed
	case len(o.Lacks) > 0:
		w.Cause, w.Others, w.More = store.Taken, o.Ending, o.Ending == mostCounted
		for _, l := range o.Lacks {
			w.Lacks = append(w.Lacks, l.Name)
		}
	case s.Plan.Label == string(scheduling.LabelLarger) || s.Plan.Label == string(scheduling.LabelCheaper):
		w.Cause = store.Chosen
	default:
		w.Cause = store.Offered
	}
	return w, true
}

// lateness is why a session that is due wasn't despatched when it was to be.
func (p *pool) lateness(s *store.Session, now store.Millis) store.Wait {
	w := store.Wait{At: now, From: s.Plan.Start, Until: now + s.Plan.Preparing, Cause: store.Nobody}
	if p.crowded >= s.Plan.Start {
		w.Cause = store.Crowded
	}
	return w
}

// moved notes that a session was booked anew, for later than it was.
func (b *Broker) moved(p *pool, s *store.Session, was, now store.Millis) {
	w, waits := b.wherefore(p, s, max(was, now), now)
	if !waits {
		return
	}
	if w.Cause == store.Offered {
		w.Cause = store.Moved
	}
	s.Waits(w)
}

// noteOutage remembers since when the node was down, before it goes on.
func (b *Broker) noteOutage() {
	now := b.now()
	b.submit(write{extra: func(tx *store.Tx) error {
		last, err := tx.Alive()
		if err != nil || last == 0 || now-last <= soon {
			return err
		}
		return tx.PutOutage(store.Outage{From: last, Until: now})
	}})
}
