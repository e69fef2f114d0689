package api

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"starling/accounting"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

type revocationList struct {
	Revocations []accounting.RevokeCertificate `json:"revocations"`
}

// revocations answers GET /federation/revocations: which certificates of nodes are
// good for nothing any more.
func (s *Server) revocations(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	if err := s.Broker.Permit(v.Request().Context(), v.caller, node.ActionReadAll, "revocations:"+string(s.Node)); err != nil {
		return err
	}
	if s.Federation == nil {
		return v.answerJSON(http.StatusOK, revocationList{Revocations: []accounting.RevokeCertificate{}})
	}
	return v.answerJSON(http.StatusOK, revocationList{s.Federation.Revocations()})
}

// revoke answers POST /federation/revocations: a node's certificates are good for
// nothing any more.
func (s *Server) revoke(v *visit) error {
	var order cluster.Revocation
	var out cluster.Exclusion
	return s.govern(v, node.ActionRevoke, "certificate:new", func(ctx context.Context) (err error) {
		if err := v.onlyJSON(); err != nil {
			return err
		}
		if err := v.decodeJSON(&order, json.RejectUnknownMembers(true)); err != nil {
			return err
		}
		if err := identity.NodeName(order.Node).Validate(); err != nil {
			return invalid("node", err.Error())
		}
		out, err = s.Federation.Revoke(ctx, order, v.caller.User, func(ctx context.Context, one accounting.RevokeCertificate) error {
			return s.Broker.Revoke(ctx, v.caller, one)
		})
		return err
	}, func() error { return v.answerJSON(http.StatusOK, out) })
}
