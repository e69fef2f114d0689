package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/identity"
	"starling/node/cluster"
)

// crowd is a federation in which jpsrc is dead.
type crowd struct {
	flock
	self string
}

func (c *crowd) Members() (list []cluster.Member) {
	for _, name := range []string{"jodrell", "kth", "srcnet"} {
		list = append(list, cluster.Member{Name: name, State: cluster.Alive, Self: name == c.self})
	}
	return append(list, cluster.Member{Name: "jpsrc", State: "dead"})
}

// Each node decides for itself whether the operator of another is one there.
func TestPromise8ANodeForgetsForThoseWhoAreItsOperators(t *testing.T) {
	s := newSites(t)
	crowds := map[string]*crowd{}
	dev := func(name string, operator bool) func(*Options) {
		return func(o *Options) {
			crowds[name] = &crowd{self: name}
			o.Federation, o.Authenticator = crowds[name], subjects{names{dev: true}}
			if operator {
				o.Mapping = site{operator: "dev"}
			}
		}
	}
	asked := s.node("jodrell", dev("jodrell", true))
	s.node("kth", dev("kth", true))
	s.node("srcnet", dev("srcnet", false))
	remove := call{method: http.MethodDelete, path: "/federation/nodes/jpsrc", stranger: true}
	resp := asked.do(remove)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, map[string]any{"remembering": []any{
		map[string]any{"node": "srcnet", "detail": "only operators change who is in the federation"},
	}}, object(t, resp))
	assert.Equal(t, "expel jpsrc", crowds["kth"].asked)
	assert.Empty(t, crowds["srcnet"].asked)

	crowds["jodrell"].err = cluster.ErrUnknown // it has forgotten already, and kth has not
	assert.Equal(t, http.StatusOK, asked.do(remove).StatusCode)
	crowds["jodrell"].err = cluster.ErrRefused
	crowds["kth"].asked = ""
	assert.Equal(t, http.StatusConflict, asked.do(remove).StatusCode)
	assert.Empty(t, crowds["kth"].asked, "what is refused here is not asked elsewhere")
}

func TestANodeIsForgottenEverywhere(t *testing.T) {
	s := newSites(t)
	all, kth, srcnet := &crowd{self: "jodrell"}, &crowd{self: "kth"}, &crowd{self: "srcnet"}
	asked := s.node("jodrell", func(o *Options) {
		o.Federation, o.Authenticator, o.Mapping = all, subjects{names{dev: true}}, site{operator: "dev"}
	})
	for _, there := range []*crowd{kth, srcnet} {
		s.node(identity.NodeName(there.self), func(o *Options) { o.Federation, o.Mapping = there, site{operator: "dev"} })
	}
	remove := call{method: http.MethodDelete, path: "/federation/nodes/jpsrc", stranger: true}
	assert.Equal(t, http.StatusNoContent, asked.do(remove).StatusCode)
	all.err, kth.err, srcnet.err = cluster.ErrUnknown, cluster.ErrUnknown, cluster.ErrUnknown
	wantProblem(t, asked.do(remove), http.StatusNotFound)
	delete(s.ports, "srcnet")
	all.err, kth.err = nil, nil
	resp := asked.do(remove)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, text(t, resp), "connection refused")
}
