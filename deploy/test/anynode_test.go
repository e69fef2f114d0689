package systemtest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Five nodes of many are asked, one after the other; the offer is taken at the next
// node, read at one more, and nothing of it is held anywhere in the end.
func TestAnyOfManyNodesAnswersForAll(t *testing.T) {
	t.Parallel()
	for _, size := range []int{5, 15} {
		t.Run(fmt.Sprint(size, " nodes"), func(t *testing.T) {
			f := federate(t, size)
			f.acquainted()
			var taken []string
			elsewhere := 0
			for i := 0; i < size; i += size / 5 {
				asked, taking, reading := f.nodes[i], f.nodes[(i+1)%size], f.nodes[(i+2)%size]
				set := asked.ask(work{command: sh("echo well")})
				require.GreaterOrEqual(t, len(set.Offers), 2, "%+v", set)
				offer := set.Offers[i%len(set.Offers)]
				if offer.site() != f.Nodes[i].Name {
					elsewhere++
				}
				accepted := taking.setPhase(offer.Meta.UUID, "ACCEPTED")
				require.Equal(t, http.StatusOK, accepted.Status, "%s", accepted.Body)
				reading.await(offer.Meta.UUID, "COMPLETED")
				assert.Equal(t, "well\n", string(reading.do("GET", "/sessions/"+offer.Meta.UUID+"/stdout", nil).Body))
				for _, sibling := range set.Offers {
					if sibling.Meta.UUID != offer.Meta.UUID {
						reading.awaitAnywhere(sibling.Meta.UUID, "REJECTED")
					}
				}
				taken = append(taken, offer.Meta.UUID)
			}
			assert.Positive(t, elsewhere, "some offers are of other nodes")
			f.agree(taken...)
			for _, n := range f.nodes {
				eventually(t, "all cores to be free", func() bool { free, all := n.cores(); return free == all })
			}
		})
	}
}
