package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"starling/federation/identity"
	"starling/node/cluster"
)

// departed is what DELETE /federation/nodes/{name} answers where not all nodes have
// forgotten it.
type departed struct {
	Remembering []remembering `json:"remembering"`
}

// remembering is a node that goes on listing one that was taken out.
type remembering struct {
	Node   string `json:"node"`
	Detail string `json:"detail"`
}

// forgetPatience is how long another node may take to forget one.
const forgetPatience = 10 * time.Second

// forgetElsewhere has the other nodes forget one, in the name of the caller: each
// decides whether he may have that. It returns those which don't, by name, and
// whether any has known it.
func (s *Server) forgetElsewhere(ctx context.Context, v *visit, name string) (known bool, list []remembering) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, m := range s.Federation.Members() {
		if m.Self || m.Name == name || m.State != cluster.Alive {
			continue
		}
		all.Go(func() {
			knew, err := s.forgetAt(ctx, v, identity.NodeName(m.Name), name)
			mu.Lock()
			defer mu.Unlock()
			known = known || knew
			if err != nil {
				list = append(list, remembering{m.Name, err.Error()})
			}
		})
	}
	all.Wait()
	slices.SortFunc(list, func(a, b remembering) int { return strings.Compare(a.Node, b.Node) })
	return known, list
}

// forgetAt has one node forget another. That it doesn't know it is as good.
func (s *Server) forgetAt(ctx context.Context, v *visit, at identity.NodeName, name string) (knew bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, forgetPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, "http://"+string(at)+peerPath+"/federation/nodes/"+name, nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("X-Request-Id", v.id)
	if err := s.Authorizer.Authorize(ctx, r, v.caller, at); err != nil {
		return false, err
	}
	answer, err := s.Peers.RoundTrip(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusNoContent:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	var problem problemDocument
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&problem); err != nil || problem.Detail == "" {
		return false, fmt.Errorf("it answers %s", answer.Status)
	}
	return false, fmt.Errorf("%.500s", problem.Detail)
}
