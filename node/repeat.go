package node

import (
	"strconv"

	"starling/accounting"
	"starling/api/ivoa"
	"starling/node/store"
	"starling/scheduling"
)

// A session whose timing repeats is executed again and again. What happens
// between the end of one execution and the beginning of the next is decided in
// this file alone.

// repeats reports whether a session is executed again and again.
func repeats(s *store.Session) bool { return s.Times.Timing.Repeats() }

// endExecution brings a session to the phase in which its execution has ended.
// One that is to be executed again waits instead: carryOn books that.
func endExecution(s *store.Session, phase ivoa.SessionPhase, now store.Millis) {
	if repeats(s) {
		countExecution(s, phase, now)
		if _, more := s.Times.Timing.Next(scheduling.Instant(now), s.Times.Done); more {
			if phase == ivoa.SessionCompleted {
				advance(s, ivoa.SessionReleasing, now)
			}
			phase = ivoa.SessionWaiting
		} else {
			tell(s, now, ivoa.LevelInfo, "execution {execution} {outcome}; it was the last", "execution", numberOf(s, now), "outcome", s.Times.Outcome())
			phase = phaseOfAll(s)
		}
	}
	if phase == ivoa.SessionFailed {
		enter(s, phase, now)
		return
	}
	advance(s, phase, now)
}

// countExecution notes that an execution has ended. One that began a moment
// outside of its window has used that up all the same.
func countExecution(s *store.Session, phase ivoa.SessionPhase, now store.Millis) {
	began := s.Attempt.Running
	if began == 0 {
		began = s.Attempt.Started
	}
	t := &s.Times
	t.Done.Last = min(max(scheduling.Instant(began), t.Window.Earliest), t.Window.Latest)
	t.Done.Ended = scheduling.Instant(now)
	if t.Done.Count++; t.Done.Count == 1 {
		t.Done.First = t.Done.Last
	}
	if t.LastFailed = phase != ivoa.SessionCompleted; t.LastFailed {
		t.Failed++
	}
	s.Tries, s.Unheard = 0, 0
	s.Trail = s.Trail[max(0, len(s.Trail)-maxSteps/2):] // a series may be long
}

// phaseOfAll is the phase in which a session ends that can't be executed any
// more: COMPLETED if it is a series of which any execution was.
func phaseOfAll(s *store.Session) ivoa.SessionPhase {
	if s.Times.Done.Count > s.Times.Failed {
		return ivoa.SessionCompleted
	}
	return ivoa.SessionFailed
}

// carryOn books the next execution of a session of which one has just ended, and
// tells those who watch; b.mu is held, and the caller writes the session.
func (b *Broker) carryOn(s *store.Session, now, veto store.Millis) *store.Session {
	if !repeats(s) || store.Terminal(s.Phase) {
		return s
	}
	return b.bookNext(s, now+veto, now, news{"execution {execution} {outcome}", []string{"execution", numberOf(s, now), "outcome", s.Times.Outcome()}})
}

// skip gives up the window in which a session was to be executed, and books the
// next; the caller writes the session. Where an attempt was made in the window,
// it was an execution, which has failed.
func (b *Broker) skip(s *store.Session, now store.Millis) *store.Session {
	b.owe(b.voidHold(s, now)...)
	if s.Tries > 0 {
		s = b.change(s, func(s *store.Session) { countExecution(s, ivoa.SessionFailed, now) })
		return b.carryOn(s, now, max(0, s.NotBefore-now))
	}
	missed := news{"no execution could begin", nil}
	if w := intervalOf(s.Times.Window); w != "" {
		missed = news{"no execution could begin in {window}", []string{"window", w}}
	}
	return b.bookNext(s, now, now, missed)
}

// news is what has happened before a next execution is booked.
type news struct {
	template string
	pairs    []string
}

func (n news) and(template string, pairs ...string) news {
	return news{n.template + "; " + template, append(n.pairs[:len(n.pairs):len(n.pairs)], pairs...)}
}

// bookNext books a session's next execution in the first window in which there
// is room for it, from an instant on, and has it paid for. Where there is no such
// window, the session ends.
func (b *Broker) bookNext(s *store.Session, from, now store.Millis, so news) *store.Session {
	p, t := b.state.pools[s.Plan.Pool], s.Times
	length, preparing := spanOf(s), scheduling.Span(s.Plan.Preparing)
	_ = p.timeline.End(entryID(s.ID), scheduling.Instant(min(now, s.Plan.Start))) // it may be pruned already
	slot, found := p.timeline.EarliestFit(scheduling.Query{
		Need: resourcesOf(s.Plan), Duration: length, NotBefore: scheduling.Instant(from),
		NotAfter: scheduling.Forever - scheduling.Instant(2*length), Starts: t.Timing.Starts(t.Done).Earlier(preparing),
	})
	if !found {
		return b.endSeries(s, now, so, "no window is left in which there is room for another")
	}
	start := slot.Start.Add(preparing)
	window, _ := t.Timing.Next(start, t.Done)
	missed := int(t.Timing.Passed(t.Window.Earliest, start, t.Done))
	level := ivoa.LevelInfo
	if missed > 0 {
		so, level = so.and("windows without an execution: {missed}", "missed", strconv.Itoa(missed)), ivoa.LevelWarn
	}
	so = so.and("next at {start}", "start", ivoa.FormatInstant(start.Time()))
	s = b.change(s, func(s *store.Session) {
		s.Times.Window, s.Times.Unpaid = window, true
		s.Times.Missed += missed
		s.NotBefore = from
		s.Plan.Start, s.Plan.Latest, s.Plan.End = store.Millis(slot.Start), store.Millis(slot.Start), store.Millis(slot.Start.Add(length))
		s.Plan.Earliest, s.Plan.NotAfter = b.bounds(window, slot.Start, preparing)
		tell(s, now, level, so.template, so.pairs...)
	})
	if err := p.timeline.Book(scheduling.Booking{ID: entryID(s.ID), Slot: slot, NotBefore: notBefore(s), Movable: true}); err != nil {
		b.log.ErrorContext(threadOf(s), "the next execution could not be booked", "session", s.ID.String(), "error", err)
	}
	b.owing(s.ID)
	return s
}

// bounds is when a plan may start so that the work begins in a window: no
// earlier than the tariff last changed, either, and no later than notAfter, 0
// where the window has no end.
func (b *Broker) bounds(window scheduling.StartInterval, start scheduling.Instant, preparing scheduling.Span) (earliest, notAfter store.Millis) {
	bound := max(window.Earliest-scheduling.Instant(preparing), 0)
	if changes := b.options.Costs.Changes(wall(b.now()), start.Time()); len(changes) > 0 {
		bound = max(bound, scheduling.InstantOf(changes[len(changes)-1]))
	}
	if window.Latest < scheduling.Forever {
		notAfter = max(1, store.Millis(window.Latest)-store.Millis(preparing))
	}
	return store.Millis(bound), notAfter
}

// endSeries ends a session for which there is no further execution.
func (b *Broker) endSeries(s *store.Session, now store.Millis, so news, why string) *store.Session {
	b.free(b.state.pools[s.Plan.Pool])
	so = so.and(why)
	return b.change(s, func(s *store.Session) {
		tell(s, now, ivoa.LevelWarn, so.template, so.pairs...)
		enter(s, phaseOfAll(s), now) // from WAITING: what it waited for comes no more
	})
}

// holdOf is the hold of the execution that is under way, or comes next: that of
// the first is the session's.
func holdOf(s *store.Session) accounting.HoldID {
	if s.Times.Hold.IsZero() {
		return accounting.HoldID(s.ID.String())
	}
	return accounting.HoldID(s.Times.Hold.String())
}

// mostOf is how many executions of a session there can be in all, those that
// were and those to come; 0 where there is no limit.
func mostOf(s *store.Session, now store.Millis) int64 {
	left, limited := s.Times.Timing.Most(scheduling.Instant(max(now, s.NotBefore)), spanOf(s), s.Times.Done)
	if !limited {
		return 0
	}
	return int64(s.Times.Done.Count) + left
}

// numberOf is which execution has ended last: "3 of 10".
func numberOf(s *store.Session, now store.Millis) string {
	number := strconv.Itoa(s.Times.Done.Count)
	if most := mostOf(s, now); most > 0 {
		number += " of " + strconv.FormatInt(most, 10)
	}
	return number
}

// viewRepeats shows how far a session that is repeated has come; nil for others.
func viewRepeats(s *store.Session, timing ivoa.Timing) *ivoa.Repeats {
	if !repeats(s) {
		return nil
	}
	t := s.Times
	view := &ivoa.Repeats{
		Timing: timing, Execution: int64(t.Done.Count), Completed: int64(t.Done.Count - t.Failed), Failed: int64(t.Failed), Missed: int64(t.Missed),
	}
	if store.Terminal(s.Phase) {
		return view
	}
	view.Execution++
	view.Window = intervalOf(t.Window)
	if most := mostOf(s, s.Plan.Start); most > 0 {
		view.Most = &most
	}
	return view
}

// seriesMessage says on an offer what its costs are of.
func (b *Broker) seriesMessage(s *store.Session) ivoa.Message {
	template, pairs := "this is executed again and again, and each time is held and charged by itself: the costs are those of the first", []string{"site", string(b.options.Name)}
	if most := mostOf(s, s.Plan.Start); most > 0 {
		template, pairs = template+"; at most {most} executions", append(pairs, "most", strconv.FormatInt(most, 10))
		for _, c := range s.Costs {
			if c.Type == ivoa.CostMonetary {
				template += ", {total} {unit} for all at its price"
				pairs = append(pairs, "total", priceOf(c.Value*float64(most)), "unit", c.Unit)
			}
		}
	}
	return ivoa.NewMessage(wall(s.Created), ivoa.LevelInfo, messageRepeats, template, pairs...)
}

// priceOf writes a price with cents, or where it has none with all that is
// counted of one.
func priceOf(price float64) string {
	if price < 0.01 {
		return strconv.FormatFloat(price, 'f', 6, 64)
	}
	return strconv.FormatFloat(price, 'f', 2, 64)
}
