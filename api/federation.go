package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

// logStatus answers GET /federation/log.
func (s *Server) logStatus(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, s.Broker.LogStatus())
}

// leaveFederation answers POST /federation/leave: this node goes for good, and then stops.
func (s *Server) leaveFederation(v *visit) error {
	q := v.query("force")
	force := q.flag("force")
	if q.err != nil {
		return q.err
	}
	return s.govern(v, node.ActionLeave, "node:"+string(s.Node), func(ctx context.Context) error { return s.Federation.Leave(ctx, s.Broker.Unfinished(), force) }, v.nothing)
}

// removeNode answers DELETE /federation/nodes/{name}: a node that is gone for good is
// taken out, here and, unless another node asks, at all the others.
func (s *Server) removeNode(v *visit) error {
	name := v.Param("name")
	if err := identity.NodeName(name).Validate(); err != nil {
		return invalid("name", err.Error())
	}
	var list []remembering
	return s.govern(v, node.ActionExpel, "node:"+name, func(ctx context.Context) error {
		err := s.Federation.Expel(ctx, name)
		if v.peer != "" || s.Peers == nil || err != nil && !errors.Is(err, cluster.ErrUnknown) {
			return err
		}
		var known bool
		if known, list = s.forgetElsewhere(ctx, v, name); known || len(list) > 0 {
			return nil
		}
		return err
	}, func() error {
		if len(list) > 0 {
			return v.answerJSON(http.StatusOK, departed{Remembering: list})
		}
		return v.nothing()
	})
}

// govern lets operators change who is in the federation, and puts on record that they
// did.
func (s *Server) govern(v *visit, action node.Action, object string, do func(ctx context.Context) error, answer func() error) error {
	if err := s.Broker.Permit(v.Request().Context(), v.caller, action, object); err != nil {
		return err
	}
	if s.Federation == nil {
		return &fault{status: http.StatusConflict, code: "conflict", detail: "this node is alone: it was started without --gossip and --raft, and belongs to no federation"}
	}
	err := do(v.Request().Context())
	var said *fault // of the request
	switch {
	case err == nil:
		return answer()
	case errors.As(err, &said):
		return err
	case errors.Is(err, cluster.ErrRefused):
		return &fault{status: http.StatusConflict, code: "conflict", detail: err.Error()}
	case errors.Is(err, cluster.ErrUnknown):
		return &fault{status: http.StatusNotFound, code: "not-found", detail: err.Error()}
	default:
		return &fault{status: http.StatusServiceUnavailable, code: "unavailable", retry: 5 * time.Second,
			detail: err.Error() + ". Nothing is lost; try again"}
	}
}
