package api

import (
	"net/http"
	"time"

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

// nodes answers GET /federation/nodes: how every node is, as this one knows it; as a
// list, or as a stream that goes on.
func (s *Server) nodes(v *visit) error {
	kind, err := v.prefers(jsonType, eventStream)
	if err != nil {
		return err
	}
	if kind == eventStream {
		return s.followNodes(v)
	}
	return v.answerJSON(http.StatusOK, s.nodeList(v.base))
}

// nodeList is how every node is at this moment: the own one, which clients reach at
// the base, live, the others as they have told.
func (s *Server) nodeList(base string) nodeList {
	fast, slow := s.Broker.Digest()
	own := node.AvailabilityOf(fast, &slow)
	if s.Federation == nil {
		return nodeList{Nodes: []nodeEntry{{Name: string(s.Node), URL: base, Alive: true, Availability: &own}}}
	}
	known := map[identity.NodeName]digest.Known{}
	for _, k := range s.Federation.Known() {
		known[k.Node] = k
	}
	list := nodeList{Nodes: []nodeEntry{}}
	for _, m := range s.Federation.Members() {
		entry := nodeEntry{Name: m.Name, URL: m.URL, Alive: m.State == cluster.Alive, AgeSeconds: m.AgeSeconds, Member: &m}
		if m.Self {
			entry.URL, entry.Availability = base, &own
		} else if k := known[identity.NodeName(m.Name)]; k.Said {
			told := node.AvailabilityOf(k.Fast, k.Slow)
			entry.Availability = &told
		}
		list.Nodes = append(list.Nodes, entry)
	}
	return list
}

// followNodes answers with server-sent events: first "nodes", which is the whole list;
// then, at most once a second, "node" for each whose entry has changed, and "gone"
// with the name of each that is not listed any more. Nothing is replayed: a client
// that comes back begins with the list again.
func (s *Server) followNodes(v *visit) error {
	if err := s.streams.enter(v.caller.User); err != nil {
		return err
	}
	defer s.streams.leave(v.caller.User)
	ctx, done := s.streams.until(v.Request().Context())
	defer done()
	if v.Request().Method == http.MethodHead {
		v.header().Set("Content-Type", eventStream)
		v.Response().WriteHeader(http.StatusOK)
		return nil
	}
	out := nodeEvents{eventWriter: eventWriter{visit: v}, listed: map[string]bool{}}
	out.begin()
	out.look()
	look, beat := time.NewTicker(s.Limits.Nodes), time.NewTicker(s.Limits.Heartbeat)
	defer look.Stop()
	defer beat.Stop()
	for out.flush(); out.err == nil; out.flush() {
		select {
		case <-look.C:
			out.look()
		case <-beat.C:
			out.beat()
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// nodeEvents writes how the nodes are, and what changes.
type nodeEvents struct {
	eventWriter
	seen   uint64 // edition of the board
	listed map[string]bool
}

// look writes what has changed on the board since the last look.
func (w *nodeEvents) look() {
	s := w.server
	all, edition := s.board.look(time.Now(), s.Limits.Nodes, func() nodeList { return s.nodeList(s.BaseURL) })
	first, list, listed := w.seen == 0, nodeList{Nodes: []nodeEntry{}}, make(map[string]bool, len(all))
	for _, p := range all {
		listed[p.entry.Name] = true
		if p.edition <= w.seen {
			continue
		}
		if p.entry.own() {
			p.entry.URL = w.base
		}
		if list.Nodes = append(list.Nodes, p.entry); !first {
			w.put("", "node", p.entry)
		}
	}
	if first {
		w.put("", "nodes", list)
	}
	for name := range w.listed {
		if !listed[name] {
			w.put("", "gone", map[string]string{"name": name})
		}
	}
	w.seen, w.listed = edition, listed
}
