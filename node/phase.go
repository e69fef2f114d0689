package node

import (
	"slices"

	"starling/api/ivoa"
	"starling/node/store"
)

// transitions is the one table of the phases that may follow a phase. The first
// that is named is the usual one: advance walks along it.
var transitions = map[ivoa.SessionPhase][]ivoa.SessionPhase{
	ivoa.SessionOffered:   {ivoa.SessionAccepted, ivoa.SessionRejected, ivoa.SessionExpired},
	ivoa.SessionAccepted:  {ivoa.SessionWaiting, ivoa.SessionFailed, ivoa.SessionCancelled},
	ivoa.SessionWaiting:   {ivoa.SessionPreparing, ivoa.SessionFailed, ivoa.SessionCancelled},
	ivoa.SessionPreparing: {ivoa.SessionAvailable, ivoa.SessionWaiting, ivoa.SessionFailed, ivoa.SessionCancelled},
	ivoa.SessionAvailable: {ivoa.SessionRunning, ivoa.SessionWaiting, ivoa.SessionFailed, ivoa.SessionCancelled},
	ivoa.SessionRunning:   {ivoa.SessionReleasing, ivoa.SessionWaiting, ivoa.SessionFailed, ivoa.SessionCancelled},
	ivoa.SessionReleasing: {ivoa.SessionCompleted, ivoa.SessionWaiting, ivoa.SessionFailed, ivoa.SessionCancelled},
}

// mayFollow reports whether a session may go from one phase straight to another.
func mayFollow(from, to ivoa.SessionPhase) bool { return slices.Contains(transitions[from], to) }

// advance brings a session to a phase, through the phases that lie between: a
// report that comes later implies the earlier ones. A session that is there
// already, or beyond, stays as it is. It reports whether the phase is reached.
func advance(s *store.Session, to ivoa.SessionPhase, at store.Millis) bool {
	for s.Phase != to {
		next := to
		if !mayFollow(s.Phase, to) {
			usual := transitions[s.Phase]
			if len(usual) == 0 || !leadsTo(usual[0], to) {
				return false
			}
			next = usual[0]
		}
		enter(s, next, at)
	}
	return true
}

// leadsTo reports whether the usual way from a phase comes to another.
func leadsTo(from, to ivoa.SessionPhase) bool {
	for {
		if from == to || mayFollow(from, to) {
			return true
		}
		usual := transitions[from]
		if len(usual) == 0 {
			return false
		}
		from = usual[0]
	}
}

// enter puts a session into a phase and notes it in its trail.
func enter(s *store.Session, phase ivoa.SessionPhase, at store.Millis) {
	s.Phase, s.Modified = phase, at
	if phase != ivoa.SessionOffered {
		s.Expires = 0
	}
	note(s, store.Step{At: at, Phase: phase})
}

// maxSteps bounds a session's trail; further messages are left out, phases never.
const maxSteps = 256

// note adds a step to a session's trail.
func note(s *store.Session, step store.Step) {
	if len(s.Trail) >= maxSteps && step.Phase == "" {
		return
	}
	step.Seq = 1
	if n := len(s.Trail); n > 0 {
		step.Seq = s.Trail[n-1].Seq + 1
	}
	s.Trail = append(s.Trail, step)
}

// choices lists the phases that a user may ask for now.
func choices(phase ivoa.SessionPhase) []string {
	switch {
	case phase == ivoa.SessionOffered:
		return []string{string(ivoa.SessionAccepted), string(ivoa.SessionRejected)}
	case mayFollow(phase, ivoa.SessionCancelled):
		return []string{string(ivoa.SessionCancelled)}
	}
	return nil
}
