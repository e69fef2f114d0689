package node

import (
	"starling/api/despatch"
	"starling/node/store"
)

// maxLooks bounds how many sessions one poll looks at that turn out to have to
// wait, or to have failed.
const maxLooks = 64

// next takes the session that is due and that has waited longest of those that
// an executor can run, and opens an attempt at it; b.mu is held. It returns nil
// where there is none: reasons says why.
func (b *Broker) next(e *executor) (*store.Session, *store.Ticket) {
	p := e.pool
	for range maxLooks {
		now := b.now()
		first, found := p.oldest(e, now)
		if !found {
			return nil, nil
		}
		s := b.onTime(p, b.state.live[first.id], now)
		if s != nil {
			return b.open(e, s, now)
		}
		// Wherever it is now, it isn't due: a poll looks at it once.
		p.queue.postpone(first.id)
	}
	b.serve(p)
	return nil, nil
}

// oldest finds the session that has waited longest of those that an executor can
// have now.
func (p *pool) oldest(e *executor, now store.Millis) (first place, found bool) {
	if p.queue.due == 0 {
		return first, false
	}
	for _, l := range p.queue.lines {
		if l.due == 0 || e.unable(l) != "" {
			continue
		}
		if !p.room(l) {
			p.crowded = now
			continue
		}
		if at, any := p.queue.next(l); any && (!found || at.came < first.came) {
			first, found = at, true
		}
	}
	return first, found
}

// reasons counts why an executor gets none of the sessions of its pool, of all
// that may come to it some time: those that are booked for later, or for which
// others must end first, are not-yet, and outside-window while it doesn't work.
func (b *Broker) reasons(e *executor) despatch.Reasons {
	p, later := e.pool, despatch.ReasonNotYet
	if !p.working(b.now()) {
		later = despatch.ReasonOutsideWindow
	}
	reasons := despatch.Reasons{}
	count := func(why string, n int) {
		if n > 0 {
			reasons[why] += n
		}
	}
	for _, l := range p.queue.lines {
		if why := e.unable(l); why != "" {
			count(why, l.all)
			continue
		}
		count(despatch.ReasonVetoed, l.vetoed)
		count(later, l.all-l.vetoed)
	}
	return reasons
}

// unable says why an executor never can run the sessions of a line, "" if it can.
func (e *executor) unable(l *line) string {
	switch {
	case e.Registration.Simulated != l.like.Plan.Simulated || !e.is(l.like.Pinned) || !e.takes(l.like.Kind, l.like.Data, l.like.Schemes):
		return despatch.ReasonWrongKind
	case !resourcesOf(l.like.Plan).Fits(capacityOf(e.Registration.Capacity)):
		return despatch.ReasonTooLarge
	}
	return ""
}
