package api

import (
	"errors"
	"net/http"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
	"starling/node"
)

// ask answers POST /requests: the offers, for a NO as for a YES, with a
// redirect to where they can be read again.
func (s *Server) ask(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	how, err := v.asking()
	if err != nil {
		return err
	}
	var request ivoa.ExecutionRequest
	notices, err := v.decode(&request)
	if err != nil {
		return err
	}
	offers, err := s.Broker.Ask(v.Request().Context(), v.caller, &request, notices, how)
	if err != nil {
		return err
	}
	v.locateOffers(offers)
	if offers.Meta != nil {
		v.header().Set("Location", offers.Meta.URL)
	}
	return v.answer(http.StatusSeeOther, media, offers)
}

// asking reads how the sender wants a request answered. Offer sets are what other
// nodes put together; the broker looks whose.
func (v *visit) asking() (how node.Asking, err error) {
	r := v.Request()
	if values := r.Header[fanout.PlacementHeader]; len(values) > 1 || len(values) == 1 && len(values[0]) > 100 {
		return how, invalid(fanout.PlacementHeader, "want the name of one policy")
	}
	how.Placement = r.Header.Get(fanout.PlacementHeader)
	if set := r.Header.Get(fanout.SetHeader); set != "" && v.peer != "" {
		if how.For, err = identity.ParseUUID(set); err != nil {
			return how, invalid(fanout.SetHeader, err.Error())
		}
	}
	return how, nil
}

// direct answers POST /direct: the session that was accepted, or a session that
// has FAILED at once and says why.
func (s *Server) direct(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	key, err := v.idempotencyKey()
	if err != nil {
		return err
	}
	how, err := v.asking()
	if err != nil {
		return err
	}
	var request ivoa.ExecutionRequest
	notices, err := v.decode(&request)
	if err != nil {
		return err
	}
	session, err := s.Broker.Direct(v.Request().Context(), v.caller, &request, notices, key, how)
	var problem *node.Problem
	if errors.As(err, &problem) && problem.Code == node.CodeRefused {
		return v.answer(http.StatusBadRequest, media, v.refused(problem))
	}
	if err != nil {
		return err
	}
	v.locateSession(session)
	if session.Meta != nil {
		v.header().Set("Location", session.Meta.URL)
	}
	return v.answer(http.StatusSeeOther, media, session)
}

// refused is the NO to a direct request in the form that the standard has for
// it. No such session exists: it has neither UUID nor URL.
func (v *visit) refused(problem *node.Problem) *ivoa.Session {
	session := &ivoa.Session{Phase: ivoa.SessionFailed}
	session.Kind = ivoa.KindSimpleSession
	session.NeedMeta().Created = ivoa.At(v.began)
	if problem.Offers != nil && problem.Offers.Meta != nil {
		session.AddMessages(problem.Offers.Meta.Messages...)
	}
	if len(session.Meta.Messages) == 0 { // a NO says why (promise 9)
		session.AddMessages(v.explanation(problem))
	}
	return session
}

// explanation is a problem as a message of a document.
func (v *visit) explanation(problem *node.Problem) ivoa.Message {
	return ivoa.NewMessage(v.began, ivoa.LevelError, problemPrefix+string(problem.Code), "{detail}", "detail", problem.Detail)
}

// offerSet answers GET /offersets/{uuid}.
func (s *Server) offerSet(v *visit) error {
	media, err := v.negotiate()
	if err != nil {
		return err
	}
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	offers, err := s.Broker.OfferSet(v.Request().Context(), v.caller, id)
	if err != nil {
		return err
	}
	return v.answer(http.StatusOK, media, v.locateOffers(offers))
}
