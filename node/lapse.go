package node

import (
	"maps"
	"slices"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Sessions wait for an executor that may never come back. Now and then the
// broker looks after them: one that has been due for sessions.lapse, in which no
// executor of its pool that could run it was heard of, goes to another pool, or
// fails and says why. What is booked for later stays: its executor may be off
// until then.

// forgetMillis is how long a lapsed executor stays in the list: a day.
const forgetMillis = 24 * 3600 * 1000

// patrol looks after what waits in vain, and comes again.
func (b *Broker) patrol(now store.Millis) {
	for _, id := range slices.SortedFunc(maps.Keys(b.state.pools), compareUUIDs) {
		p := b.state.pools[id]
		b.endLate(p, now)
		b.rescue(p, now)
		if p.lapsed(now, b.lapseMillis(), (*executor).anything) {
			b.withdrawAll(p, now)
		}
	}
	b.forgetExecutors(now)
	b.submit(write{}) // a sign of life, where there is no other
	b.at(now+b.patrolMillis(), b.patrol)
}

func (b *Broker) lapseMillis() store.Millis { return b.options.Sessions.Lapse.Milliseconds() }

// patrolMillis is how often patrol comes: a few times in a lapse, and often
// enough that nobody waits long for what is decided anyhow.
func (b *Broker) patrolMillis() store.Millis { return min(b.lapseMillis()/4, 60_000) }

// lapsed reports whether no executor of a pool that is fit for something has
// been heard of for a time. One that has work is heard of by that.
func (p *pool) lapsed(now, silence store.Millis, fit func(*executor) bool) bool {
	for _, e := range p.executors {
		if fit(e) && (e.running > 0 || now-e.Seen < silence) {
			return false
		}
	}
	return true
}

func (e *executor) anything() bool { return true }

// waiting lists the sessions of a line that are due.
func (b *Broker) waiting(q *queue, l *line) []*store.Session {
	var list []*store.Session
	for _, at := range l.first {
		if m := q.members[at.id]; m != nil && m.came == at.came {
			list = append(list, b.state.live[at.id])
		}
	}
	return list
}

// endLate ends sessions that are due but can't begin any more as their users
// want.
func (b *Broker) endLate(p *pool, now store.Millis) {
	var ended []*store.Session
	for _, key := range slices.Sorted(maps.Keys(p.queue.lines)) {
		for _, s := range b.waiting(&p.queue, p.queue.lines[key]) {
			if b.tooLate(s, now) {
				ended = append(ended, b.unstartable(p, s, now))
			}
		}
	}
	if len(ended) > 0 {
		b.submit(write{sessions: ended})
	}
}

// rescue moves sessions that are due, and for which nobody comes, to another
// pool; where there is none, they have failed.
func (b *Broker) rescue(p *pool, now store.Millis) {
	var changed []*store.Session
	for _, key := range slices.Sorted(maps.Keys(p.queue.lines)) {
		l := p.queue.lines[key]
		able := func(e *executor) bool { return e.unable(l) == "" }
		if l.due == 0 || !p.lapsed(now, b.lapseMillis(), able) {
			continue
		}
		for _, s := range b.waiting(&p.queue, l) {
			if now-s.Plan.Start >= b.lapseMillis() { // an executor may come when there is something to do
				changed = append(changed, b.moveAway(p, s, now))
			}
		}
	}
	if len(changed) > 0 {
		b.submit(write{sessions: changed})
	}
}

// moveAway books a session at the pool that can begin it first, of those that
// have an executor for it.
func (b *Broker) moveAway(from *pool, s *store.Session, now store.Millis) *store.Session {
	silence := ivoa.FormatDuration(time.Duration(b.lapseMillis()) * time.Millisecond)
	to, slot := b.elsewhere(from, s, now)
	_ = from.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start)))
	b.free(from)
	if to == nil {
		b.submit(write{commands: b.voidHold(s, now)})
		return b.fail(s, "no executor has come for it in {time}, and no other here can run it", now, "time", silence)
	}
	s = b.change(s, func(s *store.Session) {
		s.Plan.Pool = to.id
		s.Plan.Start, s.Plan.Latest, s.Plan.End = store.Millis(slot.Start), store.Millis(slot.Start), store.Millis(slot.Start.Add(spanOf(s)))
		tell(s, now, ivoa.LevelWarn, "no executor has come for it in {time}: another takes it over, and the start moves to {start}",
			"time", silence, "start", ivoa.FormatInstant(wall(s.Plan.Start+s.Plan.Preparing)))
	})
	if err := b.book(s); err != nil {
		b.log.ErrorContext(threadOf(s), "a session could not be booked elsewhere", "session", s.ID.String(), "error", err)
	}
	b.expect(to, s)
	return s
}

// elsewhere finds the pool in which a session can begin first, but the one where
// nobody comes for it; nil: there is none.
func (b *Broker) elsewhere(from *pool, s *store.Session, now store.Millis) (to *pool, first scheduling.Slot) {
	l := &line{like: s}
	for _, id := range slices.SortedFunc(maps.Keys(b.state.pools), compareUUIDs) {
		p := b.state.pools[id]
		if p == from || p.lapsed(now, aliveMillis, func(e *executor) bool { return e.unable(l) == "" }) {
			continue
		}
		slot, found := p.timeline.EarliestFit(scheduling.Query{
			Need: resourcesOf(s.Plan), Duration: spanOf(s),
			NotBefore: scheduling.Instant(max(now, s.NotBefore)), NotAfter: latestStart(s),
		})
		if found && (to == nil || slot.Start < first.Start) {
			to, first = p, slot
		}
	}
	return to, first
}

// withdrawAll ends all offers of a pool whose executors have lapsed.
func (b *Broker) withdrawAll(p *pool, now store.Millis) {
	for _, id := range slices.SortedFunc(maps.Keys(b.state.sets), compareUUIDs) {
		b.withdraw(b.state.sets[id], p, "the executor that would run this at {site} isn't heard of any more", now)
	}
}

// forgetExecutors deletes executors that lapsed long ago and have nothing left
// to do. One that comes back all the same registers anew.
func (b *Broker) forgetExecutors(now store.Millis) {
	needed := map[identity.UUID]bool{}
	for _, s := range b.state.live {
		needed[s.Plan.Pool] = true
		needed[s.Attempt.Executor] = true
	}
	var gone []identity.UUID
	for _, id := range slices.SortedFunc(maps.Keys(b.state.executors), compareUUIDs) {
		e := b.state.executors[id]
		if now-e.Seen < max(forgetMillis, b.lapseMillis()) || needed[id] {
			continue
		}
		b.log.Info("an executor is forgotten", "executor", id.String(), "name", e.Registration.Name, "lastSeen", wall(e.Seen))
		gone = append(gone, id)
		delete(b.state.executors, id)
		delete(e.pool.executors, id)
		if !e.BuiltIn {
			delete(b.state.pools, id)
		}
	}
	if len(gone) == 0 {
		return
	}
	b.submit(write{extra: func(tx *store.Tx) error {
		for _, id := range gone {
			if err := tx.DeleteExecutor(id); err != nil {
				return err
			}
		}
		return tx.PutHighWater(b.mint.HighWater())
	}})
}
