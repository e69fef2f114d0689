package node

import (
	"context"
	"fmt"

	"starling/accounting"
	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Update changes a session as its owner asks. Of what the schema lets a client
// update, this broker takes the phase: ACCEPTED or REJECTED of an offer,
// CANCELLED afterwards. Key is the Idempotency-Key, or "": the same update with
// the same key again is answered as the first was. Accepting an offer whose data
// want a token asks the caller's issuer for one.
//
// The answer is durable. Errors are *Problem; of a conflict, with the session.
func (b *Broker) Update(ctx context.Context, caller identity.Caller, id identity.UUID, update ivoa.Update, key string) (*ivoa.Session, error) {
	phase, err := phaseOf(update)
	if err != nil {
		return nil, err
	}
	if err := b.writable(); err != nil {
		return nil, err
	}
	defer b.guard()
	var s *store.Session
	var ticket *store.Ticket
	payers, err := b.payersOf(caller, id, phase)
	if err != nil {
		return nil, err
	}
	brought, err := b.acquire(ctx, caller, id, phase, key)
	if err != nil {
		return nil, b.withSession(ctx, caller, id, err)
	}
	err = b.funded(ctx, payers, func(f funds) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		s, ticket, err = b.decide(caller, id, phase, f, brought)
		return err
	})
	if ticket == nil && err == nil { // nothing to change: it is so already, or will be once it is written
		if err := b.settle(); err != nil {
			return nil, err
		}
		return b.Session(ctx, caller, id)
	}
	if err != nil {
		return nil, b.withSession(ctx, caller, id, err)
	}
	return b.told(ctx, s, ticket)
}

// payersOf says whose limits matter for a change of a session: those of an offer
// that is to be accepted.
func (b *Broker) payersOf(caller identity.Caller, id identity.UUID, phase ivoa.SessionPhase) (accounting.Owners, error) {
	if phase != ivoa.SessionAccepted {
		return accounting.Owners{}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.decided(caller, toAccept, id)
	if err != nil || s.Phase != ivoa.SessionOffered {
		return accounting.Owners{}, err
	}
	return s.Owners, nil
}

// told shows a session as it was decided, once that is durable. An executor may
// have taken it further since then.
func (b *Broker) told(ctx context.Context, s *store.Session, ticket *store.Ticket) (*ivoa.Session, error) {
	if err := durable(ctx, ticket); err != nil {
		return nil, err
	}
	request, err := b.requestOf(s)
	if err != nil {
		return nil, err
	}
	return viewSession(s, request), nil
}

// phaseOf reads the phase that an update asks for.
func phaseOf(update ivoa.Update) (ivoa.SessionPhase, error) {
	var value string
	switch u := update.(type) {
	case *ivoa.EnumValueUpdate:
		value = u.Value
	case *ivoa.StringValueUpdate:
		value = u.Value
	case *ivoa.IntegerValueUpdate, *ivoa.IntegerDeltaUpdate:
		return "", &Problem{Code: CodeInvalid, Field: "/path", Detail: fmt.Sprintf("%q can't be changed by a number; meta.options lists what can be changed", update.UpdatePath())}
	default:
		return "", &Problem{Code: CodeInvalid, Field: "/kind", Detail: "no kind of update that this broker knows: use " + ivoa.KindEnumValueUpdate}
	}
	if path := update.UpdatePath(); path != "/phase" && path != "phase" {
		return "", &Problem{Code: CodeInvalid, Field: "/path", Detail: fmt.Sprintf("%q can't be changed; meta.options lists what can: /phase", path)}
	}
	switch phase := ivoa.SessionPhase(value); phase {
	case ivoa.SessionAccepted, ivoa.SessionRejected, ivoa.SessionCancelled:
		return phase, nil
	}
	return "", &Problem{Code: CodeInvalid, Field: "/value", Detail: fmt.Sprintf("%q is no phase to ask for: it may be ACCEPTED, REJECTED or CANCELLED", value)}
}

// withSession gives a conflict the session as it stands, with a message.
func (b *Broker) withSession(ctx context.Context, caller identity.Caller, id identity.UUID, err error) error {
	p, ok := err.(*Problem)
	if !ok || p.Code != CodeConflict && p.Code != CodeFunds && p.Code != CodeQuota {
		return err
	}
	if err := b.settle(); err != nil { // what is decided may not be stored yet, and that is what refuses this
		return err
	}
	s, readErr := b.Session(ctx, caller, id)
	if readErr != nil {
		return readErr
	}
	kind := messagePhase
	switch p.Code {
	case CodeFunds:
		kind = messageFunds
	case CodeQuota:
		kind = messageQuota
	}
	s.AddMessages(ivoa.NewMessage(wall(b.now()), ivoa.LevelError, kind, p.Detail))
	p.Session = s
	return p
}

// decide brings a session to the phase that its owner asks for, and returns it as
// it is then; b.mu is held. Neither a ticket nor an error means that nothing has
// to change.
func (b *Broker) decide(caller identity.Caller, id identity.UUID, phase ivoa.SessionPhase, f funds, brought acceptance) (*store.Session, *store.Ticket, error) {
	w := map[ivoa.SessionPhase]want{ivoa.SessionAccepted: toAccept, ivoa.SessionRejected: toReject, ivoa.SessionCancelled: toCancel}[phase]
	s, err := b.decided(caller, w, id)
	if err != nil {
		return nil, nil, err
	}
	did := deed{caller: caller, action: w.action, object: object("session", s.ID), rule: ruleOf(caller, string(s.Owners.User.ID), true)}
	now := b.now()
	if s.Phase == ivoa.SessionOffered && now >= s.Expires {
		b.expire(s.OfferSet, now)
		return nil, nil, problem(CodeConflict, "the offer expired at %s; ask again for new ones", ivoa.FormatInstant(wall(s.Expires)))
	}
	if again := brought.key != "" && brought.key == s.AcceptKey && phase == ivoa.SessionAccepted; again {
		return nil, nil, nil
	}
	if b.state.live[s.ID] == nil {
		// Its end is decided, even if what is stored doesn't know it yet.
		return nil, nil, problem(CodeConflict, "the session has come to its end, and can't become %s", phase)
	}
	if !mayFollow(s.Phase, phase) {
		return nil, nil, problem(CodeConflict, "a session that is %s can't become %s", s.Phase, phase)
	}
	switch phase {
	case ivoa.SessionAccepted:
		return b.accept(did, s, f, brought, now)
	case ivoa.SessionRejected:
		return b.reject(did, s, now)
	default:
		return b.cancelSession(did, s, now)
	}
}

// accept books an offer's slot and rejects its siblings, in one write, which
// spends what the hold takes of the node's allowances too. Where those are not
// enough the error is lacking, or says which limit forbids it.
func (b *Broker) accept(did deed, s *store.Session, f funds, brought acceptance, now store.Millis) (*store.Session, *store.Ticket, error) {
	set := b.state.sets[s.OfferSet]
	p := b.state.pools[s.Plan.Pool]
	if err := b.maySettleIn(s); err != nil {
		return nil, nil, err
	}
	start := max(s.Plan.Start, now)
	if start > max(s.Plan.Latest, s.Plan.Start) {
		return nil, nil, problem(CodeConflict, "the time in which this could start has passed: it ended at %s; ask again for new offers",
			ivoa.FormatInstant(wall(s.Plan.Latest+s.Plan.Preparing)))
	}
	plan := s.Plan
	plan.Start, plan.Latest = start, start
	plan.End = start + plan.Preparing + plan.Duration + plan.Releasing
	if err := brought.lasts(s, plan); err != nil {
		return nil, nil, err
	}
	if err := b.overQuota(s, plan, now); err != nil {
		return nil, nil, err
	}
	planned := *s
	planned.Plan = plan
	estimate := b.estimateOf(&planned)
	verdict := b.weigh(f, estimate, wall(plan.Start+plan.Preparing))
	if verdict.short != nil {
		return nil, nil, verdict.short.problem(now)
	}
	draws, spent, err := b.draw(f, verdict, estimate)
	if err != nil {
		return nil, nil, err
	}
	if err := p.timeline.Accept(scheduling.Booking{
		ID: entryID(s.ID), Slot: slotOf(plan), NotBefore: scheduling.Instant(plan.Earliest), Movable: true,
	}); err != nil {
		return nil, nil, problem(CodeConflict, "the site has lost the capacity that this offer held (%v); ask again for new offers", err)
	}
	b.free(p)
	accepted := b.change(s, func(s *store.Session) {
		s.Plan, s.Period, s.AcceptKey = plan, verdict.period, brought.key
		s.Accepted, s.Span = did.caller.Trace, did.caller.Span
		if verdict.overdrawn != nil {
			s.Messages = appendMessage(s.Messages, verdict.overdrawn.message(now, ivoa.LevelWarn))
		}
		if why, waits := b.wherefore(p, s, now, now); waits {
			s.Waits(why)
		}
		enter(s, ivoa.SessionAccepted, now)
	})
	rejected := b.closeOffers(set, s.ID, ivoa.SessionRejected, now)
	w := write{sessions: append(rejected, accepted), allowances: spent, tidings: traced(did.caller, b.siblings(set, s.ID))}
	w.commands = append(w.commands, b.placeHold(accepted, estimate, draws, f, now), b.allowed(did))
	if brought.sealed != nil {
		w.extra = func(tx *store.Tx) error { return tx.PutCredentials(accepted.ID, brought.sealed) }
	}
	ticket := b.submit(w)
	b.await(p, accepted.ID)
	return accepted, ticket, nil
}

// await lets an accepted session wait for its turn.
func (b *Broker) await(p *pool, id identity.UUID) {
	b.state.accepted = append(b.state.accepted, id)
	if len(b.state.accepted) == 1 {
		b.at(b.now()+awaitDelay, b.awaitAccepted)
	}
	b.expect(p, b.state.live[id])
}

// awaitDelay gathers what has been accepted, in milliseconds: one write tells of
// all of it, and what is despatched meanwhile needs none.
const awaitDelay = 50

// awaitAccepted makes of ACCEPTED, which the answers to the users say, WAITING.
// Nobody waits for that.
func (b *Broker) awaitAccepted(now store.Millis) {
	var waiting []*store.Session
	for _, id := range b.state.accepted {
		if s := b.state.live[id]; s != nil && s.Phase == ivoa.SessionAccepted {
			waiting = append(waiting, b.change(s, func(s *store.Session) { advance(s, ivoa.SessionWaiting, now) }))
		}
	}
	b.state.accepted = nil
	if len(waiting) > 0 {
		b.submit(write{sessions: waiting})
	}
}

// period is the accounting period that a session is charged in: the one that was
// chosen when it was accepted, so that all of its entries are in one.
func (b *Broker) period(s *store.Session) accounting.Period {
	if s.Period != "" {
		return s.Period
	}
	return accounting.PeriodAt(wall(s.Created))
}

// reject gives an offer back. That is recorded only of another's.
func (b *Broker) reject(did deed, s *store.Session, now store.Millis) (*store.Session, *store.Ticket, error) {
	p := b.state.pools[s.Plan.Pool]
	if err := p.timeline.DropAlternative(entryID(s.ID)); err != nil {
		b.log.ErrorContext(threadOf(s), "a rejected offer was not held", "session", s.ID.String(), "error", err)
	}
	b.free(p)
	rejected := b.change(s, func(s *store.Session) { enter(s, ivoa.SessionRejected, now) })
	if set := b.state.sets[s.OfferSet]; set != nil && !b.anyOpen(set) {
		b.closeSet(set)
	}
	w := write{sessions: []*store.Session{rejected}}
	if did.rule != ruleOwner {
		w.commands = []accounting.Command{b.allowed(did)}
	}
	return rejected, b.submit(w), nil
}

func (b *Broker) anyOpen(set *store.OfferSet) bool {
	for _, id := range set.Offers {
		if s := b.state.live[id]; s != nil && s.Phase == ivoa.SessionOffered {
			return true
		}
	}
	return false
}

// cancelSession ends a session at once for its owner. Where an attempt is in
// progress its executor is told to stop, and what it has is freed once it says
// that it has stopped, or is taken for lost.
func (b *Broker) cancelSession(did deed, s *store.Session, now store.Millis) (*store.Session, *store.Ticket, error) {
	running := b.state.attempts[s.Attempt.Ref]
	cancelled := b.change(s, func(s *store.Session) {
		enter(s, ivoa.SessionCancelled, now)
		s.Messages = appendMessage(s.Messages, ivoa.NewMessage(wall(now), ivoa.LevelInfo, messagePhase, "cancelled by {user}", "user", did.caller.User))
		if running != nil {
			s.Attempt.Stop = despatch.StopCancelled
		}
	})
	w := write{sessions: []*store.Session{cancelled}, commands: []accounting.Command{b.allowed(did)}}
	if running != nil {
		ticket := b.submit(w)
		running.order(despatch.Stop{Reason: despatch.StopCancelled, Message: "cancelled by " + did.caller.User})
		return cancelled, ticket, nil
	}
	b.release(cancelled, now)
	w.commands = append(b.voidHold(cancelled, now), w.commands...)
	return cancelled, b.submit(w), nil
}

// placeHold holds what a session's next execution is expected to cost.
func (b *Broker) placeHold(s *store.Session, estimate []accounting.Quantity, draws []accounting.Draw, f funds, now store.Millis) accounting.Command {
	return accounting.PlaceHold{
		Hold: holdOf(s), Session: accounting.SessionID(s.ID.String()), Node: accounting.NodeName(b.options.Name),
		Owners: s.Owners, Period: b.period(s), Estimate: estimate, Tariff: b.options.Costs.Hash(),
		Time: accounting.Instant(now), Draws: draws, Apart: accounting.Instant(f.apart),
	}
}

// voidHold gives back what a session holds, if it does.
func (b *Broker) voidHold(s *store.Session, now store.Millis) []accounting.Command {
	if s.Times.Unpaid {
		return nil
	}
	return []accounting.Command{accounting.VoidHold{Hold: holdOf(s), Time: accounting.Instant(now)}}
}

// release frees a session's booking.
func (b *Broker) release(s *store.Session, now store.Millis) {
	p := b.state.pools[s.Plan.Pool]
	if p == nil {
		return
	}
	// A booking that has run out is pruned, and there is nothing left to free.
	if err := p.timeline.End(entryID(s.ID), scheduling.Instant(now)); err == nil {
		b.free(p)
		b.tidy(p)
	}
}

// maxMessages bounds the messages of one session.
const maxMessages = 100

// appendMessage adds a message; of too many, those in the middle are forgotten.
func appendMessage(messages []ivoa.Message, m ivoa.Message) []ivoa.Message {
	kept := messages[:len(messages):len(messages)]
	if len(kept) >= maxMessages {
		kept = append(kept[:maxMessages/2:maxMessages/2], kept[len(kept)-maxMessages/2+1:]...)
	}
	return append(kept, m)
}
