package node

import (
	"fmt"
	"strings"

	"starling/federation/identity"
	"starling/node/store"
)

// queue is the sessions of a pool that are still to be despatched, in lines:
// those of one line ask the same of an executor, so that one that can't run the
// first needn't look at the others, and can be told how many there are, however
// long the line is. Broker.line keeps it as the sessions change.
type queue struct {
	lines   map[string]*line
	members map[identity.UUID]*member
	came    uint64 // sessions that have ever become due
	due     int    // how many wait for an executor now
}

// line is sessions that the same executors can run.
type line struct {
	key    string
	like   *store.Session // one of them
	all    int            // how many there are
	due    int            // of those: how many wait for an executor now
	vetoed int            // of those: how many are kept back by a veto
	first  []place        // those that are due, in the order they came; some have left
}

// place is a session's place among those of a line that are due.
type place struct {
	id   identity.UUID
	came uint64
}

// member is a session in a line.
type member struct {
	line   *line
	came   uint64 // when it became due, counted in sessions of the queue; 0: it isn't
	vetoed bool
}

func newQueue() queue {
	return queue{lines: map[string]*line{}, members: map[identity.UUID]*member{}}
}

// enter takes a session in that is to be despatched some time.
func (q *queue) enter(s *store.Session) {
	if q.members[s.ID] != nil {
		return
	}
	key := lineKey(s)
	l := q.lines[key]
	if l == nil {
		l = &line{key: key, like: s}
		q.lines[key] = l
	}
	l.all++
	q.members[s.ID] = &member{line: l}
}

// leave takes a session out.
func (q *queue) leave(id identity.UUID) {
	m := q.members[id]
	if m == nil {
		return
	}
	q.keepBack(id, false)
	q.postpone(id)
	delete(q.members, id)
	if m.line.all--; m.line.all == 0 {
		delete(q.lines, m.line.key)
	}
}

// call makes a session due: it waits for an executor from now on.
func (q *queue) call(id identity.UUID) {
	m := q.members[id]
	if m == nil || m.came != 0 {
		return
	}
	q.keepBack(id, false)
	q.came++
	q.due++
	m.came = q.came
	m.line.due++
	m.line.first = append(m.line.first, place{id, m.came})
}

// postpone makes a session not due: it begins later.
func (q *queue) postpone(id identity.UUID) {
	m := q.members[id]
	if m == nil || m.came == 0 {
		return
	}
	m.came = 0
	q.due--
	if m.line.due--; m.line.due == 0 {
		m.line.first = nil
	}
}

// keepBack notes whether a veto keeps a session back.
func (q *queue) keepBack(id identity.UUID, vetoed bool) {
	m := q.members[id]
	if m == nil || m.vetoed == vetoed {
		return
	}
	m.vetoed = vetoed
	if vetoed {
		m.line.vetoed++
		return
	}
	m.line.vetoed--
}

// next is the session of a line that has waited longest; none: nothing is due.
func (q *queue) next(l *line) (place, bool) {
	for len(l.first) > 0 {
		if m := q.members[l.first[0].id]; m != nil && m.came == l.first[0].came {
			return l.first[0], true
		}
		l.first = l.first[1:]
	}
	return place{}, false
}

// lineKey tells apart what sessions ask of an executor.
func lineKey(s *store.Session) string {
	p := s.Plan
	return fmt.Sprintf("%t %d %d %d %d %s %s\x00%s\x00%s", p.Simulated, p.Cores, p.Memory, p.Storage, p.GPUs, s.Pinned, s.Kind,
		strings.Join(s.Data, " "), strings.Join(s.Schemes, " "))
}

// line keeps the queues as they must be when a session changes from one state,
// nil if it wasn't there, to another; b.mu is held.
func (b *Broker) line(was, is *store.Session) {
	if was != nil && despatchable(was) && (!despatchable(is) || was.Plan.Pool != is.Plan.Pool) {
		b.state.pools[was.Plan.Pool].queue.leave(was.ID)
	}
	if !despatchable(is) {
		return
	}
	p, now := b.state.pools[is.Plan.Pool], b.now()
	p.queue.enter(is)
	if is.Plan.Start > now {
		p.queue.postpone(is.ID)
	}
	if is.NotBefore > now && (was == nil || is.NotBefore != was.NotBefore) {
		p.queue.keepBack(is.ID, true)
		id := is.ID
		b.at(is.NotBefore, func(now store.Millis) {
			if s := b.state.live[id]; s != nil && s.NotBefore <= now && b.state.pools[s.Plan.Pool] == p {
				p.queue.keepBack(id, false)
			}
		})
	}
}
