package node

import (
	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// watchLease puts the end of an attempt's lease on the agenda.
func (b *Broker) watchLease(a *attempt) {
	ref := a.ref // the agenda mustn't keep the attempt: most end long before their lease would
	b.at(a.lease, func(now store.Millis) {
		a := b.state.attempts[ref]
		if a == nil {
			return
		}
		if a.waiting > 0 { // a report is being held back: the executor is there
			a.lease = now + a.span
		}
		if now < a.lease {
			b.watchLease(a)
			return
		}
		b.lose(a, "is lost: no report came within the lease", now)
	})
}

// giveUp ends an attempt that nobody works on.
func (b *Broker) giveUp(ref identity.UUID, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.state.attempts[ref]; a != nil {
		b.lose(a, why, b.now())
	}
}

// lose ends an attempt whose executor is lost: it is STALLED. The session is
// despatched again, or has failed when it was tried often enough. The fence
// keeps out whoever has it still.
func (b *Broker) lose(a *attempt, why string, now store.Millis) {
	// An order to stop that nobody heard is no reason not to try again; that
	// the owner has cancelled is, and then the phase is terminal.
	b.stall(a, why, b.triesLeft(b.state.live[a.session]), 0, now)
}

// stall ends an attempt without a report. The session is despatched again, after a
// veto in milliseconds, or has failed.
func (b *Broker) stall(a *attempt, why string, again bool, veto, now store.Millis) {
	s := b.state.live[a.session]
	voided := b.voidHold(s, now)
	s = b.change(s, func(s *store.Session) {
		s.Attempt.Ended = true
		if !again {
			s.Messages = appendMessage(s.Messages, attemptMessage(s, ivoa.LevelWarn, why, now))
		}
		if !again && !store.Terminal(s.Phase) {
			endExecution(s, ivoa.SessionFailed, now)
		}
	})
	b.log.WarnContext(threadOf(s), "an attempt is lost", "session", s.ID.String(), "attempt", a.ref.String(), "again", again, "why", why)
	b.metrics.completed(outcomeStalled, now-s.Attempt.Started)
	b.finish(a, s, now)
	ref := a.ref
	commands := []accounting.Command{
		accounting.StallAttempt{Ref: accounting.Ref(ref.String()), Time: accounting.Instant(now)},
		accounting.AddNote{Ref: accounting.Ref(ref.String()), Key: "stalled", Time: accounting.Instant(now), Text: why},
	}
	if again {
		s = b.tryAgain(s, why, now, veto)
	} else {
		commands = append(commands, voided...)
		s = b.carryOn(s, now, 0)
	}
	b.submit(write{
		sessions: []*store.Session{s}, commands: commands,
		extra: func(tx *store.Tx) error { return tx.DeleteUpdates(ref) },
	})
}

// maxUnheard bounds the despatches of one session that don't count as tries
// since nobody heard of them: whoever hangs up for ever must not go on for ever.
const maxUnheard = 100

// takeBack ends an attempt that its executor never heard of, since it hung up:
// the session waits for another executor as before, and this was no try.
func (b *Broker) takeBack(ref identity.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, now := b.state.attempts[ref], b.now()
	if a == nil {
		return
	}
	s := b.state.live[a.session]
	const why = "was never heard of: the executor hung up before it had the despatch"
	if store.Terminal(s.Phase) || a.stop != nil || s.Unheard >= maxUnheard {
		b.lose(a, why, now)
		return
	}
	s = b.change(s, func(s *store.Session) {
		s.Attempt.Ended = true
		s.Tries--
		s.Unheard++
	})
	b.metrics.completed(outcomeStalled, now-s.Attempt.Started)
	b.dismiss(a, s)
	p := b.state.pools[s.Plan.Pool]
	_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start)))
	if b.book(s) == nil {
		b.expect(p, s)
	} else {
		s = b.rebook(p, s, now)
	}
	b.submit(write{
		sessions: []*store.Session{s},
		commands: []accounting.Command{
			accounting.StallAttempt{Ref: accounting.Ref(ref.String()), Time: accounting.Instant(now)},
			accounting.AddNote{Ref: accounting.Ref(ref.String()), Key: "unheard", Time: accounting.Instant(now), Text: why},
		},
	})
}

// watchSlot puts the end of a running session's time on the agenda: when only
// the time for release is left, its executor is told to stop; when that has
// passed too, the booking goes on as long as nobody else needs it.
//
// It looks once in a lease at least, so that no event outlives a session that
// ended early by more than that, however long it was booked for.
func (b *Broker) watchSlot(s *store.Session) {
	ref := s.Attempt.Ref
	b.at(min(s.Plan.End-s.Plan.Releasing, b.now()+b.leaseMillis()), func(now store.Millis) {
		a := b.state.attempts[ref]
		if a == nil {
			return
		}
		s := b.state.live[a.session]
		if now < s.Plan.End-s.Plan.Releasing {
			b.watchSlot(s)
			return
		}
		if !a.overrun {
			a.overrun = true
			b.keepBooked(a, now)
		}
		if now < a.grace {
			b.at(a.grace, func(store.Millis) { b.watchSlot(s) })
			return
		}
		if a.stop == nil {
			b.submit(write{sessions: []*store.Session{b.change(s, func(s *store.Session) { s.Attempt.Stop = despatch.StopWalltime })}})
			a.order(despatch.Stop{Reason: despatch.StopWalltime, Message: "the session has used up its time"})
		}
	})
}

// keepBooked extends the booking of an attempt that is being stopped.
func (b *Broker) keepBooked(a *attempt, now store.Millis) {
	s := b.state.live[a.session]
	if s.Plan.End-now < 2*tidyMillis {
		end := now + 4*tidyMillis
		if b.state.pools[s.Plan.Pool].extend(s, now, end) {
			b.change(s, func(s *store.Session) { s.Plan.End = end })
		}
	}
	b.at(now+tidyMillis, func(now store.Millis) {
		if b.state.attempts[a.ref] == a {
			b.keepBooked(a, now)
		}
	})
}

// extend lets a running session's booking end later, if there is room. One that
// had none for a while is booked again.
func (p *pool) extend(s *store.Session, now, end store.Millis) bool {
	booking, found := p.timeline.Booking(entryID(s.ID))
	if !found {
		slot := slotOf(s.Plan)
		slot.Window = scheduling.Window{Start: scheduling.Instant(now), End: scheduling.Instant(end)}
		return p.timeline.Book(scheduling.Booking{ID: entryID(s.ID), Slot: slot}) == nil
	}
	return p.timeline.Move(entryID(s.ID), scheduling.Window{Start: booking.Slot.Start, End: scheduling.Instant(end)}) == nil
}

// stretch gives a session that begins to run later than planned, since its data
// came late, its full time all the same, if nobody else has booked it.
func (b *Broker) stretch(s *store.Session, now store.Millis) {
	end := now + s.Plan.Duration + s.Plan.Releasing
	if end <= s.Plan.End {
		return
	}
	if b.state.pools[s.Plan.Pool].extend(s, now, end) {
		s.Plan.End = end
	}
}

// fail ends a session that can't be run any more.
func (b *Broker) fail(s *store.Session, template string, now store.Millis, pairs ...string) *store.Session {
	return b.change(s, func(s *store.Session) {
		s.Messages = appendMessage(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelError, messageAttempt, template, pairs...))
		enter(s, phaseOfAll(s), now)
	})
}
