package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/policy"
	"starling/node/store"
	"starling/scheduling"
	"starling/scheduling/transfer"
)

// reload reads the state from the store: at the start, and after the disk has
// failed; b.mu is held, or nobody has the broker yet. Bookings are placed where
// they were, attempts in progress get a fresh lease in which their executors can
// be heard of, and what should have begun meanwhile is despatched as soon as it
// fits.
func (b *Broker) reload() error {
	b.state = state{
		pools: map[identity.UUID]*pool{}, executors: map[identity.UUID]*executor{},
		live: map[identity.UUID]*store.Session{}, sets: map[identity.UUID]*store.OfferSet{},
		attempts: map[identity.UUID]*attempt{}, made: map[identity.UUID]identity.UUID{}, open: map[string]int{}, kept: map[identity.UUID]*store.Kept{},
		tally: policy.NewTally(b.options.Policy), transfers: transfer.New(b.options.Transfers),
	}
	b.agenda.events, b.links = nil, map[identity.UUID][]link{}
	var sessions []*store.Session
	var executors []*store.Executor
	sets := map[identity.UUID]*store.OfferSet{}
	reported := map[identity.UUID]reported{}
	var kept []*store.Kept
	var learned []transfer.Learned
	var tidings []*store.Tiding
	if err := b.store.View(func(tx *store.Tx) (err error) {
		if executors, err = tx.Executors(); err != nil {
			return err
		}
		if b.state.allowances, err = tx.Allowances(); err != nil {
			return err
		}
		if kept, err = tx.Kept(); err != nil {
			return err
		}
		if learned, err = tx.Learned(); err != nil {
			return err
		}
		if tidings, err = tx.Tidings(); err != nil {
			return err
		}
		if err = b.spentBefore(tx, b.state.tally.Spent); err != nil {
			return err
		}
		return tx.LiveSessions(func(s *store.Session) error {
			sessions = append(sessions, s)
			if s.Phase == ivoa.SessionOffered && sets[s.OfferSet] == nil {
				if sets[s.OfferSet], err = tx.OfferSet(s.OfferSet); err != nil {
					return err
				}
				if sets[s.OfferSet] == nil {
					return fmt.Errorf("session %s has lost its offer set %s", s.ID, s.OfferSet)
				}
			}
			if inProgress(s) {
				reported[s.Attempt.Ref], err = readReported(tx, s)
				return err
			}
			return nil
		})
	}); err != nil {
		return fmt.Errorf("read the session store: %w", err)
	}
	if err := b.openPools(executors, sessions); err != nil {
		return err
	}
	for _, k := range kept {
		b.keepStorage(k)
	}
	b.recallLearned(learned)
	b.place(sessions, sets, reported)
	b.courier.restock(tidings)
	b.at(b.now()+b.patrolMillis(), b.patrol)
	return nil
}

// reported is digests of what an attempt in progress has reported before.
type reported struct{ updates, files []uint64 }

func readReported(tx *store.Tx, s *store.Session) (reported, error) {
	r := reported{updates: tx.Updates(s.Attempt.Ref)}
	err := tx.Files(s.ID, func(f despatch.File) bool {
		r.files = append(r.files, digestOf(store.FileKey(f)))
		return true
	})
	return r, err
}

// inProgress reports whether a session's attempt has not been seen to end.
func inProgress(s *store.Session) bool { return !s.Attempt.Ref.IsZero() && !s.Attempt.Ended }

// openPools makes the node's own pool and one for every other executor.
func (b *Broker) openPools(executors []*store.Executor, sessions []*store.Session) error {
	if err := b.openPool(identity.UUID{}, b.options.Capacity); err != nil {
		return err
	}
	for _, e := range executors {
		id := identity.UUID{}
		if !e.BuiltIn {
			id = e.ID
			if err := b.openPool(id, capacityOf(e.Registration.Capacity), windowsOf(e.Registration)...); err != nil {
				return err
			}
		}
		if b.returns(e) {
			e.Seen = b.now() // a restart is no silence of the executor's
		} else {
			e.Seen = min(e.Seen, b.now()-aliveMillis)
		}
		b.enrol(b.state.pools[id], e)
	}
	for _, s := range sessions {
		if b.state.pools[s.Plan.Pool] == nil {
			return fmt.Errorf("session %s is booked at executor %s, which the store doesn't have", s.ID, s.Plan.Pool)
		}
	}
	return nil
}

// returns reports whether an executor is expected back after a restart: all are,
// but built-in ones that the node isn't told to start any more.
func (b *Broker) returns(e *store.Executor) bool {
	return !e.BuiltIn || b.options.BuiltIn == nil || slices.Contains(b.options.BuiltIn, e.Registration.Name)
}

func (b *Broker) openPool(id identity.UUID, capacity scheduling.Resources, windows ...scheduling.Window) error {
	timeline, err := scheduling.NewTimeline(capacity, windows...)
	if err != nil {
		return fmt.Errorf("open a timeline: %w", err)
	}
	b.state.pools[id] = newPool(id, timeline)
	return nil
}

// enrol adds an executor to a pool.
func (b *Broker) enrol(p *pool, e *store.Executor) *executor {
	enrolled := &executor{Executor: e, pool: p}
	p.executors[e.ID] = enrolled
	b.state.executors[e.ID] = enrolled
	return enrolled
}

// place puts live sessions back onto the timelines: what runs, what is booked
// for later, what is offered, each where it was; last what has lost its place,
// since the site has become smaller.
func (b *Broker) place(sessions []*store.Session, sets map[identity.UUID]*store.OfferSet, reported map[identity.UUID]reported) {
	now := b.now()
	var homeless []*store.Session
	b.metrics.recount()
	for _, s := range sessions {
		b.state.live[s.ID] = s
		b.count(s)
		b.line(nil, s)
		b.metrics.moved("", s.Phase)
	}
	for _, s := range sessions {
		if inProgress(s) {
			b.resumeAttempt(s, reported[s.Attempt.Ref], now)
		}
	}
	for _, s := range sessions {
		if !despatchable(s) {
			continue
		}
		// One whose time is over is booked anew when somebody comes for it.
		if s.Plan.End > now && b.book(s) != nil {
			homeless = append(homeless, s)
			continue
		}
		b.await(b.state.pools[s.Plan.Pool], s.ID)
		if s.Times.Unpaid {
			b.owing(s.ID)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(sets), compareUUIDs) {
		b.reopen(sets[id], now)
	}
	for _, s := range homeless {
		p := b.state.pools[s.Plan.Pool]
		s = b.rebook(p, s, max(now, s.NotBefore))
		b.submit(write{sessions: []*store.Session{s}})
		if s.Live() {
			b.await(p, s.ID)
		}
	}
}

// book places a session's slot as it was.
func (b *Broker) book(s *store.Session) error {
	return b.state.pools[s.Plan.Pool].timeline.Book(scheduling.Booking{
		ID: entryID(s.ID), Slot: slotOf(s.Plan), NotBefore: notBefore(s), Movable: !inProgress(s),
	})
}

// resumeAttempt takes up an attempt that was in progress. Its executor has a
// lease's time to be heard of: it may have ended in time while the node was down.
func (b *Broker) resumeAttempt(s *store.Session, before reported, now store.Millis) {
	if s.Plan.End > now {
		if err := b.book(s); err != nil {
			// The site has shrunk. It runs all the same; pool.running keeps others out.
			b.log.WarnContext(threadOf(s), "a running session has no room on its timeline", "session", s.ID.String(), "error", err)
		}
	}
	a := newAttempt(s, now, b.leaseOf(b.state.executors[s.Attempt.Executor]))
	a.grace = a.lease
	for _, d := range before.updates {
		a.seen[d] = struct{}{}
	}
	for _, d := range before.files {
		a.files[d] = struct{}{}
	}
	if s.Attempt.Stop != "" {
		a.order(despatch.Stop{Reason: s.Attempt.Stop, Message: "ordered before the node was restarted"})
	}
	b.begin(b.state.pools[s.Plan.Pool], b.state.executors[a.executor], s, a)
}

// reopen holds an offer set's slots again, if it has not expired.
func (b *Broker) reopen(set *store.OfferSet, now store.Millis) {
	b.openSet(set)
	if now >= set.Expires {
		b.expire(set.ID, now)
		return
	}
	byPool := map[identity.UUID][]scheduling.Alternative{}
	for _, id := range set.Offers {
		if s := b.state.live[id]; s != nil && s.Phase == ivoa.SessionOffered {
			byPool[s.Plan.Pool] = append(byPool[s.Plan.Pool], scheduling.Alternative{ID: entryID(id), Slot: slotOf(s.Plan)})
		}
	}
	for id, alternatives := range byPool {
		// The share that holds may take was checked when they were made.
		if err := b.state.pools[id].timeline.Hold(entryID(set.ID), 0, alternatives...); err != nil {
			b.log.Warn("offers are withdrawn: the site has lost the room for them", "offerset", set.ID.String(), "error", err)
			b.withdraw(set, b.state.pools[id], noRoom, now)
		}
	}
}

// runMender waits for the disk to recover after a failure, then reads the state
// anew and takes writes again.
func (b *Broker) runMender(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.store.Failed() != nil {
			b.mend()
		}
	}
}

func (b *Broker) mend() {
	if err := b.store.Probe(); err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.state.attempts {
		a.letGo()
	}
	for _, p := range b.state.pools {
		p.scatter()
	}
	// Resume first: placing what is late submits writes.
	b.store.Resume()
	if err := b.reload(); err != nil {
		b.log.Error("the state can't be read after the disk has recovered", "error", err)
		b.store.Fail(err)
		return
	}
	b.log.Info("the session store takes writes again", "live", len(b.state.live))
}
