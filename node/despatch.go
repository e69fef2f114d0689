package node

import (
	"context"
	"time"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/federation/tracing"
	"starling/node/store"
	"starling/scheduling"
)

// maxWait bounds how long a poll or a report is held back.
const maxWait = 60 * time.Second

// Despatch gives an executor the next session that is due for it, waiting for
// one as long as its patience lasts. Where there is none it returns the reasons.
//
// When it returns a despatch, the history entry is open and durable.
func (b *Broker) Despatch(ctx context.Context, caller identity.Caller, id identity.UUID, patience time.Duration) (*despatch.Despatch, despatch.Reasons, error) {
	defer b.guard()
	patience = min(patience, maxWait)
	until := time.Now().Add(patience)
	for {
		if err := b.writable(); err != nil {
			return nil, nil, err
		}
		b.mu.Lock()
		e, err := b.executorFor(caller, id)
		if err != nil {
			b.mu.Unlock()
			return nil, nil, err
		}
		e.Seen = b.now()
		s, ticket := b.next(e)
		if s != nil {
			b.mu.Unlock()
			if d, reasons, err := b.handOver(ctx, s, ticket); err != errWithheld {
				return d, reasons, err
			}
			continue
		}
		left := time.Until(until)
		if b.stopping || left <= 0 {
			reasons := b.reasons(e)
			b.mu.Unlock()
			return nil, reasons, nil
		}
		w := e.pool.wait(e)
		b.mu.Unlock()
		if h, given := b.awaitTurn(ctx, w, left); given {
			if d, reasons, err := b.handOver(ctx, h.session, h.ticket); err != errWithheld {
				return d, reasons, err
			}
			continue
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
}

// awaitTurn waits until a poll is given something, or has to look again.
func (b *Broker) awaitTurn(ctx context.Context, w *waiter, patience time.Duration) (handover, bool) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case h, given := <-w.given:
		return h, given
	case <-timeout.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.executor.pool.leave(w) {
		return handover{}, false
	}
	h, given := <-w.given // it was given something, or let go, at this very moment
	return h, given
}

// despatchable reports whether a session waits to be run. While an attempt is
// open that has not reported anything yet its phase is still WAITING, and it is
// not to be despatched a second time.
func despatchable(s *store.Session) bool {
	return (s.Phase == ivoa.SessionAccepted || s.Phase == ivoa.SessionWaiting) && !inProgress(s)
}

// room reports whether a pool has room for a session of a line beside what really
// runs: its slot may be free on the timeline while whoever had it before is still
// being stopped.
func (p *pool) room(l *line) bool {
	return resourcesOf(l.like.Plan).Add(p.running).Fits(p.timeline.Capacity())
}

// onTimeMillis is how late a despatch is still in time: the time for release has
// as much to spare.
const onTimeMillis = 1000

// onTime makes sure that a session that is despatched late still has all of its
// time: its booking is moved to now, or, where others are in the way, to when
// there is room. It returns nil in that case.
func (b *Broker) onTime(p *pool, s *store.Session, now store.Millis) *store.Session {
	if s.Times.Unpaid {
		return nil
	}
	if now-s.Plan.Start <= onTimeMillis {
		return s
	}
	if b.tooLate(s, now) {
		b.submit(write{sessions: []*store.Session{b.unstartable(p, s, now)}})
		return nil
	}
	late := p.lateness(s, now)
	s = b.change(s, func(s *store.Session) { s.Waits(late) })
	length := s.Plan.End - s.Plan.Start
	window := scheduling.Instant(now).From(scheduling.Span(length))
	if err := p.timeline.Move(entryID(s.ID), window); err == nil {
		return b.change(s, func(s *store.Session) { s.Plan.Start, s.Plan.Latest, s.Plan.End = now, now, now+length })
	}
	s, begins := b.makeWay(p, s, now)
	if begins {
		return s
	}
	s = b.rebook(p, s, now)
	b.submit(write{sessions: []*store.Session{s}})
	if despatchable(s) && s.Plan.Start <= now {
		return s
	}
	return nil
}

// rebook gives an accepted session the earliest slot from an instant on. One for
// which there is none has failed.
func (b *Broker) rebook(p *pool, s *store.Session, from store.Millis) *store.Session {
	length := spanOf(s)
	_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(from, s.Plan.Start))) // it may be pruned already
	slot, found := p.timeline.EarliestFit(scheduling.Query{
		Need: resourcesOf(s.Plan), Duration: length,
		NotBefore: scheduling.Instant(from), NotAfter: latestStart(s),
	})
	if !found && (s.Plan.NotAfter > 0 || repeats(s)) {
		return b.unstartable(p, s, b.now())
	}
	if !found { // the pool has become too small for it, for ever
		b.submit(write{commands: b.voidHold(s, b.now())})
		return b.fail(s, "this site no longer has the {resources} that were booked, at any time at which their executor works", b.now(), "resources", resourcesOf(s.Plan).String())
	}
	if err := p.timeline.Book(scheduling.Booking{
		ID: entryID(s.ID), Slot: slot, NotBefore: notBefore(s), Movable: true,
	}); err != nil {
		b.log.ErrorContext(threadOf(s), "a session could not be booked again", "session", s.ID.String(), "error", err)
	}
	plan := s.Plan
	plan.Start, plan.Latest, plan.End = store.Millis(slot.Start), store.Millis(slot.Start), store.Millis(slot.Start.Add(length))
	if plan != s.Plan {
		was := s.Plan.Start
		s = b.change(s, func(s *store.Session) {
			s.Plan = plan
			b.moved(p, s, was, b.now())
		})
	}
	b.expect(p, s)
	return s
}

// unstartable ends a session that can't begin any more within the time that its
// user wants; one that is executed again and again takes its next window. The
// caller writes it.
func (b *Broker) unstartable(p *pool, s *store.Session, now store.Millis) *store.Session {
	if repeats(s) {
		return b.skip(s, now)
	}
	_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start)))
	b.free(p)
	b.submit(write{commands: b.voidHold(s, now)})
	return b.fail(s, "it can't begin by {latest} any more, as the request wants it", now,
		"latest", ivoa.FormatInstant(wall(s.Plan.NotAfter+s.Plan.Preparing)))
}

// notBefore is how far a session's booking may be moved forward.
func notBefore(s *store.Session) scheduling.Instant {
	return scheduling.Instant(max(s.Plan.Earliest, s.NotBefore))
}

// open starts an attempt at a session: its history entry, lease and fence.
func (b *Broker) open(e *executor, s *store.Session, now store.Millis) (*store.Session, *store.Ticket) {
	p := e.pool
	s = b.change(s, func(s *store.Session) {
		advance(s, ivoa.SessionWaiting, now)
		s.Fence++
		s.Tries++
		s.Attempt = store.Attempt{Ref: b.mint.New(now), Number: s.Attempt.Number + 1, Fence: s.Fence, Executor: e.ID, Started: now}
		s.Progress, s.ExitCode, s.Connectors = nil, nil, nil
		s.Storage = keptFrom(s, now)
	})
	if err := p.timeline.Fix(entryID(s.ID)); err != nil {
		b.log.ErrorContext(threadOf(s), "a despatched session has no booking", "session", s.ID.String(), "error", err)
	}
	a := newAttempt(s, now, b.leaseOf(e))
	b.begin(p, e, s, a)
	ref, kept := s.Attempt.Ref, a.kept(e)
	return s, b.submit(write{
		sessions: []*store.Session{s},
		extra: func(tx *store.Tx) error {
			if err := tx.DeleteFiles(kept.Session); err != nil { // of the attempt before
				return err
			}
			return tx.PutAttempt(ref, kept)
		},
		commands: []accounting.Command{accounting.OpenAttempt{
			Ref: accounting.Ref(ref.String()), Session: accounting.SessionID(s.ID.String()), Attempt: s.Attempt.Number,
			Node: accounting.NodeName(b.options.Name), Executor: accounting.ExecutorID(e.ID.String()), ExecutorName: e.Registration.Name,
			Owners: ownersOf(s), Period: b.period(s), Time: accounting.Instant(now), Trace: accounting.Trace(s.Accepted),
		}},
	})
}

// begin counts an attempt in, and puts the ends of its lease and of its slot on
// the agenda.
func (b *Broker) begin(p *pool, e *executor, s *store.Session, a *attempt) {
	b.state.attempts[a.ref] = a
	p.running = p.running.Add(resourcesOf(s.Plan))
	if e != nil {
		e.running++
	}
	b.watchLease(a)
	b.watchSlot(s)
}

func (b *Broker) leaseMillis() store.Millis { return b.options.Sessions.Lease.Milliseconds() }

// leaseOf is how long an executor may keep silent: what it asked for, within the
// node's bounds.
func (b *Broker) leaseOf(e *executor) store.Millis {
	if e == nil || e.Registration.LeaseSeconds <= 0 {
		return b.leaseMillis()
	}
	limits := b.options.Sessions
	return min(max(store.Millis(e.Registration.LeaseSeconds)*1000, limits.LeaseMin.Milliseconds()), limits.LeaseMax.Milliseconds())
}

// handOver waits until an attempt is durable and says what to do. An executor
// that has hung up meanwhile won't do it: the session waits for another. Of one for
// whose data there are no tokens the error is errWithheld.
func (b *Broker) handOver(ctx context.Context, s *store.Session, ticket *store.Ticket) (*despatch.Despatch, despatch.Reasons, error) {
	ctx, span := b.options.Tracer.Resume(ctx, s.Accepted, s.Span, "despatch")
	defer span.End()
	span.Tell(tracing.Session, s.ID.String())
	span.Tell(tracing.Attempt, s.Attempt.Ref.String())
	span.Count(tracing.Try, s.Attempt.Number)
	if err := durable(ctx, ticket); err != nil {
		return nil, nil, err
	}
	request, err := b.requestOf(s)
	if err != nil {
		b.giveUp(s.Attempt.Ref, "can't be done: its request can't be read")
		return nil, nil, err
	}
	sequence, err := sequenceOf(s, request)
	if err != nil {
		b.giveUp(s.Attempt.Ref, "can't be done: its request can't be put into a sequence")
		return nil, nil, err
	}
	if err := b.authorise(ctx, s, sequence); err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		b.takeBack(s.Attempt.Ref)
		return nil, nil, ctx.Err()
	}
	b.metrics.despatched(b.now() - s.Plan.Start)
	lease, err := b.leaseNow(s.Attempt.Ref)
	if err != nil {
		return nil, nil, err
	}
	return &despatch.Despatch{
		HistoryRef: s.Attempt.Ref.String(), Fence: s.Fence, Attempt: s.Attempt.Number,
		Lease:          lease,
		Session:        despatch.SessionRef{UUID: s.ID.String(), URL: sessionPath(s.ID)},
		Identification: identification(ownersOf(s)),
		Resources: despatch.Capacity{
			Cores: s.Plan.Cores, Memory: s.Plan.Memory, Storage: s.Plan.Storage, GPUs: s.Plan.GPUs,
		},
		WalltimeSeconds: float64(s.Plan.Duration) / 1000,
		Trace:           s.Accepted,
		Span:            span.ID(),
		Storage:         despatchedStorage(s),
		Sequence:        sequence,
	}, nil, nil
}

// leaseNow is the lease that an executor gets with its despatch; none, if the
// attempt was ended before it could be told.
func (b *Broker) leaseNow(ref identity.UUID) (despatch.Lease, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.state.attempts[ref]
	if a == nil {
		return despatch.Lease{}, problem(CodeConflict, "the attempt was ended before it could be handed over; ask for another")
	}
	return a.renew(b.now()), nil
}
