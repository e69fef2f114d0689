package node

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/node/policy"
	"starling/node/store"
	"starling/scheduling"
)

// Quotas count what is decided, under the lock with which it is decided: an ask
// offers no more than they leave, and an accept looks again in the decision that
// books. The tally follows from the sessions, so that it is as it was after a
// restart.

// messageQuota is the kind of what is said about quotas.
const messageQuota = "urn:starling:message:quota"

// count notes in the tally what has become of a session; b.mu is held.
func (b *Broker) count(s *store.Session) {
	if s.Live() {
		b.state.tally.Put(s.ID, bookingOf(s))
		return
	}
	b.state.tally.End(s.ID, scheduling.Instant(s.Modified))
}

// bookingOf is what a session has, for quotas.
func bookingOf(s *store.Session) policy.Booking {
	b := policy.Booking{
		Party:   partyOf(s),
		Offered: s.Phase == ivoa.SessionOffered, Size: resourcesOf(s.Plan), Slot: slotOf(s.Plan).Window,
	}
	if s.Times.Done.Count > 0 {
		b.Past = scheduling.Window{Start: s.Times.Done.First, End: max(s.Times.Done.Ended, s.Times.Done.First+1)}
		b.Ran = scheduling.Span(s.Times.Done.Count) * spanOf(s)
	}
	return b
}

func partyOf(s *store.Session) policy.Party {
	return policy.Party{User: string(s.Owners.User.ID), Proposal: string(s.Owners.Proposal.ID), Groups: s.Groups}
}

// A room is what quotas leave for a question.
type room struct {
	max        scheduling.Resources
	offers     int
	standings  []policy.Standing
	objections []ivoa.Message
}

// roomFor says what quotas leave for a question; b.mu is held.
func (b *Broker) roomFor(q *question, now store.Millis) room {
	r := roomIn(b.state.tally, q, b.options.Offers.PerRequest, now)
	for _, s := range r.standings {
		if s.Over() {
			b.metrics.denied(s.Quota)
			r.objections = append(r.objections, quotaMessage(b.options.Name, s, now))
		}
	}
	return r
}

// roomIn says what a tally leaves for a question, and for at most so many offers.
func roomIn(tally *policy.Tally, q *question, offers int, now store.Millis) room {
	r := room{max: q.demand.Max, offers: cmp.Or(offers, scheduling.DefaultMaxOffers)}
	party := policy.Party{User: string(q.owners.User.ID), Proposal: string(q.owners.Proposal.ID), Groups: q.groups}
	want := policy.Want{Sessions: 1, Offers: 1, Size: q.demand.Min, Time: q.demand.Total()}
	r.standings = tally.Standings(party, want, scheduling.Instant(now))
	for _, s := range r.standings {
		left := int64(min(s.Left(), math.MaxInt32))
		switch s.What {
		case policy.LimitOffers:
			r.offers = min(r.offers, int(left))
		case policy.LimitCores:
			r.max.Cores = min(r.max.Cores, left)
		case policy.LimitMemory:
			r.max.Memory = min(r.max.Memory, left)
		case policy.LimitGPUs:
			r.max.GPUs = min(r.max.GPUs, left)
		case policy.LimitCoreHours:
			if length := want.Time.Duration().Hours(); length > 0 {
				r.max.Cores = min(r.max.Cores, int64(min(s.Left()/length, math.MaxInt32)))
			}
		}
	}
	r.max = r.max.Max(q.demand.Min)
	return r
}

func quotaMessage(site identity.NodeName, s policy.Standing, now store.Millis) ivoa.Message {
	m := s.Message()
	return ivoa.NewMessage(wall(now), ivoa.LevelError, messageQuota, "{site}: "+m.Template, slices.Concat([]string{"site", string(site)}, m.Pairs)...)
}

// overQuota says why quotas forbid that a session is accepted with a plan; nil: they
// don't. b.mu is held.
func (b *Broker) overQuota(s *store.Session, plan store.Plan, now store.Millis) error {
	want := policy.Want{Sessions: 1, Size: resourcesOf(plan), Time: scheduling.Span(plan.End - plan.Start)}
	for _, standing := range b.state.tally.Standings(partyOf(s), want, scheduling.Instant(now)) {
		if standing.Over() {
			b.metrics.denied(standing.Quota)
			return problem(CodeQuota, "%s", quotaMessage(b.options.Name, standing, now).Text)
		}
	}
	return nil
}

// spentBefore reads the sessions at their end that quotas still count: of those that
// were made so long ago that they can't have run since, none.
func (b *Broker) spentBefore(tx *store.Tx, spent func(policy.Booking)) error {
	back := b.options.Policy.LooksBack()
	if back == 0 {
		return nil
	}
	since := b.now() - back.Milliseconds()
	longest := b.options.Offers.Horizon + b.options.Offers.MaxDuration + maxLateness
	return tx.SessionsOf("", identity.UUID{}, func(id identity.UUID, phase ivoa.SessionPhase) (more bool, err error) {
		if id.Milliseconds() < since-longest.Milliseconds() {
			return false, nil
		}
		if !store.Terminal(phase) || phase == ivoa.SessionRejected || phase == ivoa.SessionExpired {
			return true, nil
		}
		s, err := tx.Session(id)
		if err != nil || s == nil {
			return false, fmt.Errorf("read session %s: %w", id, err)
		}
		if ended := bookingOf(s); !s.Live() && s.Modified > since {
			ended.Slot.End = max(ended.Slot.Start, min(ended.Slot.End, scheduling.Instant(s.Modified)))
			spent(ended)
		}
		return true, nil
	})
}

// maxLateness is how much later than was planned a session may come to its end.
const maxLateness = 30 * 24 * time.Hour
