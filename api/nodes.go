package api

import (
	"net/http"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/node"
	"starling/node/cluster"
)

// nodeEntry is one node in GET /federation/nodes: what gossip and the log say of
// it, and what it has to give where that is known.
type nodeEntry struct {
	Name       string  `json:"name"`
	URL        string  `json:"url"`
	Alive      bool    `json:"alive"`
	AgeSeconds float64 `json:"ageSeconds"` // of what it said of itself
	*node.Availability
	Member *cluster.Member `json:"member,omitempty"` // nil: the node is alone
}

type nodeList struct {
	Nodes []nodeEntry `json:"nodes"`
}

// nodes answers GET /federation/nodes: how every node is, as this one knows it.
func (s *Server) nodes(v *visit) error {
	if err := v.onlyJSON(); err != nil {
		return err
	}
	return v.answerJSON(http.StatusOK, s.nodeList(v))
}

// nodeList is how every node is at this moment: the own one live, the others as they
// have told.
func (s *Server) nodeList(v *visit) nodeList {
	fast, slow := s.Broker.Digest()
	own := node.AvailabilityOf(fast, &slow)
	if s.Federation == nil {
		return nodeList{Nodes: []nodeEntry{{Name: string(s.Node), URL: v.base, Alive: true, Availability: &own}}}
	}
	known := map[identity.NodeName]digest.Known{}
	for _, k := range s.Federation.Known() {
		known[k.Node] = k
	}
	list := nodeList{Nodes: []nodeEntry{}}
	for _, m := range s.Federation.Members() {
		entry := nodeEntry{Name: m.Name, URL: m.URL, Alive: m.State == cluster.Alive, AgeSeconds: m.AgeSeconds, Member: &m}
		if m.Self {
			entry.URL, entry.Availability = v.base, &own
		} else if k := known[identity.NodeName(m.Name)]; k.Said {
			told := node.AvailabilityOf(k.Fast, k.Slow)
			entry.Availability = &told
		}
		list.Nodes = append(list.Nodes, entry)
	}
	return list
}
