package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"starling/api/auth/exchange"
	"starling/federation/delegation"
	"starling/federation/identity"
	"starling/node/cluster"
)

// explain is what the client hears of a passage that led nowhere.
func (p *passage) explain(err error) error {
	slow := errors.Is(context.Cause(p.ctx), errSlow)
	var refused unauthorized
	var wrong odd
	switch {
	case errors.Is(err, errGrant):
		p.challenge("", errGrant.detail)
		return errGrant
	case p.Request().Context().Err() != nil, p.ctx.Err() != nil && !slow: // the client has left, or this node stops
		return err
	case errors.Is(err, delegation.ErrLoop):
		return &fault{status: http.StatusLoopDetected, code: "loop",
			detail: fmt.Sprintf("this belongs to %s, and the request did not get there: %s", p.owner, err)}
	case errors.Is(err, delegation.ErrExpired):
		p.challenge("invalid_token", "the token has expired")
		return &fault{status: http.StatusUnauthorized, code: "unauthorized", detail: "the token has expired", field: "Authorization"}
	case errors.As(err, &refused) && exchange.Explained(refused):
		return &fault{status: http.StatusForbidden, code: "forbidden",
			detail: fmt.Sprintf("this belongs to %s, which can't be asked on your behalf: %v. You can ask %s itself", p.owner, refused, p.owner)}
	case errors.As(err, &refused):
		return fmt.Errorf("ask %s on behalf of %s: %w", p.owner, p.caller.User, err)
	case errors.Is(err, errDisbelieved):
		p.server.log.Error("another node does not believe this one on whose behalf it asks", "node", p.owner, "request", p.id, "error", err)
		return &fault{status: http.StatusBadGateway, code: "disbelieved", retry: 5 * time.Second,
			detail: fmt.Sprintf("this belongs to %s, which does not believe %s on whose behalf it asks; its log says why (often the clocks differ). You can ask %s itself",
				p.owner, p.server.Node, p.owner)}
	case errors.As(err, &wrong) && !slow:
		p.server.log.Warn("a node's answer is not what it should be", "node", p.owner, "request", p.id, "error", err)
		return &fault{status: http.StatusBadGateway, code: "bad-answer",
			detail: fmt.Sprintf("this belongs to %s, whose answer is not passed on: %s. What you asked for may have been done. Tell the operators of %s", p.owner, wrong.what, p.owner)}
	}
	if slow {
		err = errSlow
	}
	p.server.log.Info("a node can't be reached for what it owns", "node", p.owner, "request", p.id, "error", err)
	return &fault{status: http.StatusServiceUnavailable, code: "unavailable", retry: 5 * time.Second,
		detail: fmt.Sprintf("this belongs to %s, which can't be reached from %s at the moment; nothing of it is lost. Try again later, or ask %s itself",
			p.owner, p.server.Node, p.owner)}
}

// member is what this node knows of another.
func (s *Server) member(name identity.NodeName) (cluster.Member, bool) {
	if s.Federation == nil {
		return cluster.Member{}, false
	}
	for _, m := range s.Federation.Members() {
		if m.Name == string(name) {
			return m, true
		}
	}
	return cluster.Member{}, false
}

// urlOf is by what URL clients reach another node, as it says; "" if that isn't known.
func (s *Server) urlOf(name identity.NodeName) string {
	m, _ := s.member(name)
	return strings.TrimRight(m.URL, "/")
}
