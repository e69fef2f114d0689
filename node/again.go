package node

import (
	"strconv"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/node/store"
	"starling/scheduling"
)

// Whether an attempt that came to nothing is followed by another is decided in
// this file alone: sessions.attempts says how many there may be, an executor
// that was lost asks for another by being lost, and one that reports asks for
// it, or not.

// triesLeft reports whether a session may be despatched once more.
func (b *Broker) triesLeft(s *store.Session) bool {
	return !store.Terminal(s.Phase) && s.Tries < b.options.Sessions.Attempts
}

// mayTryAgain decides whether a session that its executor gave up is to be
// despatched again.
func (b *Broker) mayTryAgain(s *store.Session, a *attempt, c despatch.Completion) bool {
	return c.Failure != nil && c.Failure.Retry && (c.Outcome == despatch.Failed || c.Outcome == despatch.Abandoned) &&
		a.stop == nil && b.triesLeft(s)
}

func veto(c despatch.Completion) store.Millis {
	if c.Failure == nil {
		return 0
	}
	return c.Failure.VetoSeconds * 1000
}

// tryAgain books a session anew, after a veto, and tells those who watch it why,
// and when it is tried next. One that can't begin as late as that has failed.
func (b *Broker) tryAgain(s *store.Session, why string, now, veto store.Millis) *store.Session {
	s = b.change(s, func(s *store.Session) {
		s.NotBefore = now + veto
		advance(s, ivoa.SessionWaiting, now)
	})
	s = b.rebook(b.state.pools[s.Plan.Pool], s, now+veto)
	if store.Terminal(s.Phase) {
		return b.change(s, func(s *store.Session) {
			s.Messages = appendMessage(s.Messages, attemptMessage(s, ivoa.LevelWarn, why, now))
		})
	}
	return b.change(s, func(s *store.Session) {
		tell(s, now, ivoa.LevelWarn, "attempt {attempt} {reason}; next try at {start}", "attempt", strconv.Itoa(s.Attempt.Number), "reason", why,
			"start", ivoa.FormatInstant(wall(s.Plan.Start)))
	})
}

// attemptMessage says what became of a session's attempt.
func attemptMessage(s *store.Session, level ivoa.Level, why string, now store.Millis) ivoa.Message {
	return ivoa.NewMessage(wall(now), level, messageAttempt, "attempt {attempt} {reason}", "attempt", strconv.Itoa(s.Attempt.Number), "reason", why)
}

// tell adds a message to a session, for those who read it and those who watch.
func tell(s *store.Session, now store.Millis, level ivoa.Level, template string, pairs ...string) {
	m := ivoa.NewMessage(wall(now), level, messageAttempt, template, pairs...)
	s.Messages = appendMessage(s.Messages, m)
	note(s, store.Step{At: now, Message: m.Text})
}

// latestStart is the last instant at which a session may begin.
func latestStart(s *store.Session) scheduling.Instant {
	if s.Plan.NotAfter > 0 {
		return scheduling.Instant(s.Plan.NotAfter)
	}
	return scheduling.Forever - scheduling.Instant(2*spanOf(s))
}

// tooLate reports whether a session can't begin any more as its user wants. An
// executor that comes a moment late is forgiven, by as much as one that keeps
// silent is; but a timing means what it says.
func (b *Broker) tooLate(s *store.Session, now store.Millis) bool {
	return s.Plan.NotAfter > 0 && now > s.Plan.NotAfter+b.tolerance(s)
}

// tolerance is how long after its latest start a session may be despatched.
func (b *Broker) tolerance(s *store.Session) store.Millis {
	if s.Times.Timing.Kind != "" {
		return onTimeMillis
	}
	return b.leaseMillis()
}

// spanOf is how long a session's slot is.
func spanOf(s *store.Session) scheduling.Span {
	return scheduling.Span(s.Plan.Preparing + s.Plan.Duration + s.Plan.Releasing)
}
