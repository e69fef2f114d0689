package api

import (
	"net/http"

	"starling/node"
)

type nodeList struct {
	Nodes []node.NodeStatus `json:"nodes"`
}

// nodes answers GET /federation/nodes: how every node is, as this one knows it.
func (s *Server) nodes(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	status := s.Broker.NodeStatus()
	if status.URL == "" {
		status.URL = v.base
	}
	return v.answerJSON(http.StatusOK, nodeList{Nodes: []node.NodeStatus{status}})
}

// logStatus answers GET /federation/log.
func (s *Server) logStatus(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, s.Broker.LogStatus())
}
