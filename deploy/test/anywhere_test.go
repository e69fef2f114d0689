package systemtest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acquainted waits until each node knows what all others have, and do.
func (f *federation) acquainted() {
	f.t.Helper()
	for _, n := range f.nodes {
		eventually(f.t, n.Data+" to know all others", func() bool {
			var answer struct {
				Nodes []struct {
					Alive bool
					Kinds []string
				}
			}
			n.do("GET", "/federation/nodes", nil).into(f.t, &answer)
			known := 0
			for _, other := range answer.Nodes {
				if other.Alive && len(other.Kinds) > 0 {
					known++
				}
			}
			return known == len(f.nodes)
		})
	}
}

// from is the first offer of a site.
func (s offerSet) from(t *testing.T, site string) session {
	t.Helper()
	for _, o := range s.Offers {
		for _, m := range o.Meta.Messages {
			if m.Values["site"] == site {
				return o
			}
		}
	}
	t.Fatalf("%s offers nothing: %+v", site, s)
	return session{}
}

// Promise 2: asked at one node, offered by a second, accepted at the third: a kill -9
// between offer and accept takes nothing away, and the siblings are free at once.
func TestPromise2AnOfferOutlivesItsNodesKillAndIsAcceptedAtAThird(t *testing.T) {
	t.Parallel()
	f := federate(t, 3)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	f.acquainted()
	set := a.ask(work{command: sh("echo here"), cores: 8})
	best := set.from(t, "b").Meta.UUID
	b.Kill()
	away := c.setPhase(best, "ACCEPTED")
	assert.Equal(t, http.StatusServiceUnavailable, away.Status, "%s", away.Body)
	b.Start()
	var accepted answer
	eventually(t, "c to reach b again", func() bool {
		accepted = c.setPhase(best, "ACCEPTED")
		return accepted.Status != http.StatusServiceUnavailable && accepted.Status != http.StatusBadGateway
	})
	require.Equal(t, http.StatusOK, accepted.Status, "%s", accepted.Body)
	for _, o := range set.Offers {
		if o.Meta.UUID != best {
			a.awaitAnywhere(o.Meta.UUID, "REJECTED")
		}
	}
	a.awaitAnywhere(best, "COMPLETED")
	assert.Equal(t, "here\n", string(a.do("GET", "/sessions/"+best+"/stdout", nil).Body))
	f.agree(best)
}

// awaitAnywhere waits for the phase of a session whose node may not be reached yet.
func (n *Node) awaitAnywhere(id, phase string) {
	n.t.Helper()
	eventually(n.t, id+" to be "+phase, func() bool {
		a := n.do("GET", "/sessions/"+id, nil)
		if a.Status != http.StatusOK {
			return false
		}
		var s session
		a.into(n.t, &s)
		return s.Phase == phase
	})
}
