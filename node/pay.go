package node

import (
	"context"
	"errors"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/store"
	"starling/scheduling"
)

// Each execution of a series has a hold of its own. That of the first is placed
// at accept; those of the others here, once they are booked, since what the
// record says of limits is not read under the lock. Until it is paid for, an
// execution isn't despatched.

// payer is who pays for the next executions of series.
type payer struct {
	wake chan struct{} // holds one token when somebody waits
	due  []identity.UUID
}

func newPayer() payer { return payer{wake: make(chan struct{}, 1)} }

// owing has the next execution of a session paid for; b.mu is held.
func (b *Broker) owing(id identity.UUID) {
	b.payer.due = append(b.payer.due, id)
	select {
	case b.payer.wake <- struct{}{}:
	default:
	}
}

// runPayer pays for what is booked, until ctx ends.
func (b *Broker) runPayer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.payer.wake:
		}
		b.mu.Lock()
		due := b.payer.due
		b.payer.due = nil
		b.mu.Unlock()
		for _, id := range due {
			b.pay(ctx, id)
		}
	}
}

// payAgainMillis is when it is tried again to pay what couldn't be asked for.
const payAgainMillis = 10_000

// pay places the hold of a session's next execution. Where nobody can pay for
// it, the series has come to its end; where that can't be found out, it is tried
// again.
func (b *Broker) pay(ctx context.Context, id identity.UUID) {
	b.mu.Lock()
	s := b.state.live[id]
	b.mu.Unlock()
	if s == nil || !s.Times.Unpaid {
		return
	}
	// What the last execution held and didn't need can pay for this one.
	err := b.settle()
	if err == nil {
		err = b.funded(ctx, s.Owners, func(f funds) error { return b.payFrom(f, id) })
	}
	var refused *Problem
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, &refused) && refused.Code == CodeFunds && refused.RetryAfter == 0:
		b.cannotPay(id, refused.Detail)
	default:
		b.log.Warn("the next execution can't be paid for yet", "session", id.String(), "error", err)
		b.mu.Lock()
		b.at(b.now()+payAgainMillis, func(store.Millis) { b.owing(id) })
		b.mu.Unlock()
	}
}

// unpaid finds a session whose next execution is to be paid for; b.mu is held.
func (b *Broker) unpaid(id identity.UUID) *store.Session {
	if s := b.state.live[id]; s != nil && s.Times.Unpaid && !store.Terminal(s.Phase) {
		return s
	}
	return nil
}

// payFrom places a hold as far as limits allow. The error is lacking, or says
// which limit forbids it.
func (b *Broker) payFrom(f funds, id identity.UUID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, now := b.unpaid(id), b.now()
	if s == nil {
		return nil
	}
	estimate := b.estimateOf(s)
	v := b.weigh(f, estimate, wall(s.Plan.Start+s.Plan.Preparing))
	if v.short != nil {
		return v.short.problem(now)
	}
	draws, spent, err := b.draw(f, v, estimate)
	if err != nil {
		return err
	}
	s = b.change(s, func(s *store.Session) {
		s.Times.Unpaid, s.Times.Hold, s.Period = false, b.mint.New(now), v.period
		if v.overdrawn != nil {
			s.Messages = appendMessage(s.Messages, v.overdrawn.message(now, ivoa.LevelWarn))
		}
	})
	w := write{sessions: []*store.Session{s}, allowances: spent}
	w.commands = append(w.commands, b.placeHold(s, estimate, draws, f, now))
	b.submit(w)
	b.expect(b.state.pools[s.Plan.Pool], s)
	return nil
}

// cannotPay ends a series for want of funds.
func (b *Broker) cannotPay(id identity.UUID, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, now := b.unpaid(id), b.now()
	if s == nil {
		return
	}
	p := b.state.pools[s.Plan.Pool]
	_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start)))
	b.submit(write{sessions: []*store.Session{b.endSeries(s, now, news{"{reason}", []string{"reason", why}}, "the series ends here")}})
}
