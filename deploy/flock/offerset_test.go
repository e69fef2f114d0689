package flock

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An offer set is shown as it stands at every node: also at one that has offers in it,
// which the set's node asks on behalf of somebody who has come by way of it.
func TestAnOfferSetIsTheSameAtEveryNode(t *testing.T) {
	f := newFlock(t, 3, nil)
	set := f.nodes[0].ask(alice, work{})
	for _, n := range f.nodes {
		require.NotEmpty(t, set.from(n.name), "an offer of %s", n.name)
	}
	taken := set.from("c")[0]
	f.nodes[1].accept(alice, taken.id())
	for _, n := range f.nodes {
		eventually(t, "the others to be rejected, as "+n.name+" tells", func() bool {
			var now offerSet
			n.get(alice, "/offersets/"+set.Meta.UUID, &now)
			for _, s := range now.Offers {
				if s.id() != taken.id() && s.Phase != "REJECTED" || s.Phase == "OFFERED" {
					return false
				}
				for _, m := range s.Meta.Messages {
					assert.NotEqual(t, "urn:starling:message:stale", m.Kind, "%s: %s", n.name, m.Message)
				}
			}
			return len(now.Offers) == len(set.Offers)
		})
	}
}
