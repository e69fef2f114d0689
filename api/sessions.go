package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"starling/api/ivoa"
	"starling/node"
)

// session answers GET /sessions/{uuid}.
func (s *Server) session(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	session, err := s.Broker.Session(v.Request().Context(), v.caller, id)
	if err != nil {
		return err
	}
	return v.answer(http.StatusOK, media, v.locateSession(session))
}

// update answers POST /sessions/{uuid}: the session as it is now, or, where the
// update is not to be had, 409 with the session as it was and a message.
func (s *Server) update(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	key, err := v.idempotencyKey()
	if err != nil {
		return err
	}
	var change ivoa.Update
	if _, err := v.decode(&change); err != nil {
		return err
	}
	session, err := s.Broker.Update(v.Request().Context(), v.caller, id, change, key)
	var problem *node.Problem
	if errors.As(err, &problem) && problem.Code == node.CodeConflict && problem.Session != nil {
		return v.answer(http.StatusConflict, media, v.unchanged(problem))
	}
	if err != nil {
		return err
	}
	return v.answer(http.StatusOK, media, v.locateSession(session))
}

// unchanged is the session of a conflict, which must say what the conflict is.
func (v *visit) unchanged(problem *node.Problem) *ivoa.Session {
	session := v.locateSession(problem.Session)
	says := func(m ivoa.Message) bool { return m.Text == problem.Detail }
	if !slices.ContainsFunc(session.NeedMeta().Messages, says) {
		session.AddMessages(v.explanation(problem))
	}
	return session
}

// sessions answers GET /sessions: a page of the caller's sessions at all nodes, newest
// first.
func (s *Server) sessions(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	q := v.query("phase", "owner", "name", "since", "until", "here", "limit", "cursor")
	filter := node.SessionFilter{
		Phases: q.phases(),
		Owner:  q.text("owner"),
		Name:   q.text("name"),
		Since:  q.instant("since"),
		Until:  q.instant("until"),
		Here:   q.flag("here"),
	}
	limit, cursor := q.limit(s.Limits.Page), q.text("cursor")
	if q.err != nil {
		return q.err
	}
	page, err := s.Broker.Sessions(v.Request().Context(), v.caller, filter, cursor, limit)
	if err != nil {
		return err
	}
	for _, session := range page.Sessions {
		v.locateSession(session)
	}
	return v.answer(http.StatusOK, media, &ivoa.SessionList{Sessions: page.Sessions, Next: v.next(q, page.Cursor), Messages: page.Messages})
}

// phaseNames are the phases that a filter may name.
var phaseNames = [...]ivoa.SessionPhase{
	ivoa.SessionInitial, ivoa.SessionOffered, ivoa.SessionAccepted, ivoa.SessionRejected, ivoa.SessionExpired,
	ivoa.SessionWaiting, ivoa.SessionPreparing, ivoa.SessionAvailable, ivoa.SessionRunning, ivoa.SessionReleasing,
	ivoa.SessionCompleted, ivoa.SessionFailed, ivoa.SessionCancelled,
}

func (q *query) phases() []ivoa.SessionPhase {
	var phases []ivoa.SessionPhase
	for _, text := range q.list("phase") {
		phase := ivoa.SessionPhase(strings.ToUpper(text))
		if !slices.Contains(phaseNames[:], phase) {
			q.wrong("phase", "there is no phase "+clip(text))
			return nil
		}
		if !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
	}
	return phases
}

// over reports whether a session has come to its end.
func over(phase ivoa.SessionPhase) bool {
	switch phase {
	case ivoa.SessionRejected, ivoa.SessionExpired, ivoa.SessionCompleted, ivoa.SessionFailed, ivoa.SessionCancelled:
		return true
	}
	return false
}
