package node

import (
	"slices"
	"strings"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// pool is resources that are booked together: those that the built-in executors
// share, or those of one other executor.
type pool struct {
	id        identity.UUID // zero: the node's own
	timeline  *scheduling.Timeline
	executors map[identity.UUID]*executor
	// running is what attempts in progress really take. A slot may be free on
	// the timeline while whoever had it before is still being stopped.
	running scheduling.Resources
	queue   queue        // sessions to despatch
	waiters []*waiter    // polls that wait for them, who came first first
	serving bool         // to give them something is on the agenda
	crowded store.Millis // when something was due last for which there was no room, though it was booked
	dirty   bool         // room has appeared; bookings may move forward
	tidied  bool         // pruning is on the agenda
}

// executor is a registered executor.
type executor struct {
	*store.Executor
	pool    *pool
	running int
}

func newPool(id identity.UUID, timeline *scheduling.Timeline) *pool {
	return &pool{id: id, timeline: timeline, executors: map[identity.UUID]*executor{}, queue: newQueue()}
}

// renewSeconds is how often an executor must register again.
const renewSeconds = 30

// aliveMillis is how long an executor is believed in without a sign of life:
// three renewals.
const aliveMillis = 3 * renewSeconds * 1000

func (e *executor) alive(now store.Millis) bool { return now-e.Seen < aliveMillis }

// is reports whether the executor is the one that is wanted; zero wants any.
func (e *executor) is(wanted identity.UUID) bool { return wanted.IsZero() || wanted == e.ID }

// takes reports whether the executor can run a session of these kinds.
func (e *executor) takes(kind string, data, schemes []string) bool {
	if !slices.Contains(e.Registration.Kinds, kind) {
		return false
	}
	for _, d := range data {
		if !e.stages(d) {
			return false
		}
	}
	if e.Registration.Simulated {
		return true
	}
	for _, s := range schemes {
		if !slices.Contains(e.Registration.Schemes, s) {
			return false
		}
	}
	return true
}

// stages reports whether the executor can stage data with such needs (stagingNeeds).
func (e *executor) stages(needs string) bool {
	kind, scheme, located := strings.Cut(needs, locatedAt)
	r := e.Registration
	return slices.Contains(r.Kinds, kind) || located && slices.Contains(r.Kinds, ivoa.KindSimpleData) && slices.Contains(r.Schemes, scheme)
}

// able says how a pool would run a question's executable: by an executor that
// runs things, or else by one that simulates.
func (p *pool) able(q *question, now store.Millis) (ok, simulated bool) {
	for _, e := range p.executors {
		if !e.alive(now) || !e.is(q.executor) || !e.takes(q.kind, q.dataKinds, q.schemes) {
			continue
		}
		if !e.Registration.Simulated {
			return true, false
		}
		ok, simulated = true, true
	}
	return ok, simulated
}

// resourcesOf is what a plan books.
func resourcesOf(p store.Plan) scheduling.Resources {
	return scheduling.Resources{Cores: p.Cores, Memory: p.Memory, Storage: p.Storage, GPUs: p.GPUs}
}

// slotOf is where a plan lies on its timeline.
func slotOf(p store.Plan) scheduling.Slot {
	return scheduling.Slot{
		Window:    scheduling.Window{Start: scheduling.Instant(p.Start), End: scheduling.Instant(p.End)},
		Resources: resourcesOf(p),
	}
}

func capacityOf(c despatch.Capacity) scheduling.Resources {
	return scheduling.Resources{Cores: c.Cores, Memory: c.Memory, Storage: c.Storage, GPUs: c.GPUs}
}

func entryID(id identity.UUID) scheduling.EntryID { return scheduling.EntryID(id) }

// free marks that room has appeared in a pool, and puts it on the agenda to
// move bookings forward. Many ends close together cost one pass.
func (b *Broker) free(p *pool) {
	if p.dirty {
		return
	}
	p.dirty = true
	b.at(b.now()+compressDelay, func(now store.Millis) { b.compress(p, now) })
}

const (
	// compressDelay gathers the ends of a few milliseconds.
	compressDelay = 5
	// compressBudget bounds one pass to about a millisecond of the lock, with
	// 10,000 bookings waiting; what is left out moves with the next end.
	compressBudget = 256
	// tidyMillis is how often what is over is dropped from a timeline.
	tidyMillis = 2000
)

// compress moves bookings forward into room that has appeared.
func (b *Broker) compress(p *pool, now store.Millis) {
	p.dirty = false
	moved := p.timeline.Compress(scheduling.Instant(now), compressBudget)
	if len(moved) == 0 {
		return
	}
	var changed []*store.Session
	for _, m := range moved {
		s := b.state.live[identity.UUID(m.ID)]
		if s == nil {
			continue
		}
		s = b.change(s, func(s *store.Session) {
			s.Plan.End -= s.Plan.Start - store.Millis(m.To)
			s.Plan.Start = store.Millis(m.To)
			s.Plan.Latest = s.Plan.Start
		})
		changed = append(changed, s)
		b.expect(p, s)
	}
	b.submit(write{sessions: changed})
}

// expect puts it on the agenda to despatch a booked session at its start.
func (b *Broker) expect(p *pool, s *store.Session) {
	if s.Times.Unpaid { // it is expected once it is paid for
		return
	}
	id, start := s.ID, s.Plan.Start
	due := func(now store.Millis) {
		s := b.state.live[id]
		if s == nil || !despatchable(s) || s.Plan.Start != start || b.state.pools[p.id] != p {
			return
		}
		p.queue.call(id)
		b.serve(p)
	}
	if now := b.now(); start <= now {
		due(now)
		return
	}
	b.at(start, due)
}

// tidy drops what is over from a pool's timeline, now and then.
func (b *Broker) tidy(p *pool) {
	if p.tidied {
		return
	}
	p.tidied = true
	b.at(b.now()+tidyMillis, func(now store.Millis) {
		p.tidied = false
		p.timeline.Prune(scheduling.Instant(now))
	})
}
