package flock

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/node/config"
)

// sites are whose offers an answer has.
func (s offerSet) sites() (sites []string) {
	for _, o := range s.Offers {
		if !slices.Contains(sites, o.site()) {
			sites = append(sites, o.site())
		}
	}
	slices.Sort(sites)
	return sites
}

// Any node answers for all: a question to one of them is answered with live offers of
// several, each with its site, at URLs of the node that was asked; and it is said why
// the others were not asked (promise 9).
func TestANodeAnswersWithOffersOfAll(t *testing.T) {
	for _, size := range []int{3, 5, 15} {
		t.Run(fmt.Sprint(size, " nodes"), func(t *testing.T) {
			f := newFlock(t, size, nil)
			for _, at := range f.nodes[:3] {
				set := at.ask(alice, work{})
				require.Equal(t, "YES", set.Result)
				assert.Len(t, set.sites(), min(size, 4), "itself, and three that it asks: %v", set.sites())
				assert.Contains(t, set.sites(), at.name)
				for _, o := range set.Offers {
					assert.Equal(t, f.owner(o.id()).name, o.site())
					assert.Equal(t, at.config.URL+"/sessions/"+o.id(), o.Meta.URL)
				}
				for _, n := range f.nodes {
					if !slices.Contains(set.sites(), n.name) {
						assert.True(t, slices.ContainsFunc(set.Meta.Messages, func(m message) bool { return m.Values["site"] == n.name }), "nothing says why not %s: %s", n.name, set.said())
					}
				}
				// The same set, from any node, is the same.
				var again offerSet
				other := f.nodes[size-1]
				other.get(alice, "/offersets/"+set.Meta.UUID, &again)
				assert.Equal(t, set.sites(), again.sites())
				for _, o := range again.Offers {
					assert.Equal(t, "OFFERED", o.Phase)
					assert.Equal(t, other.config.URL+"/sessions/"+o.id(), o.Meta.URL)
				}
			}
		})
	}
}

// The policy decides which offer is the best: here, that of the site where it costs least.
func TestThePolicyOfARequestDecidesWhoIsFirst(t *testing.T) {
	f := newFlock(t, 3, func(i int, c *config.Config) {
		c.Tariff.Rates = map[string]config.Rate{"core-seconds": {Price: config.Decimal([]string{"0.03", "0.02", "0.01"}[i]), Carbon: config.Decimal([]string{"0.001", "0.0001", "0.01"}[i])}}
	})
	eventually(t, "the tariffs to be known", func() bool {
		return f.nodes[0].ask(alice, work{}, "Starling-Placement", "cheapest").Offers[0].site() == "c"
	})
	assert.Equal(t, "b", f.nodes[0].ask(alice, work{}, "Starling-Placement", "greenest").Offers[0].site())
	a := f.nodes[0].do(alice, "POST", "/requests", work{}.request(), "Starling-Placement", "nonsense")
	assert.Equal(t, http.StatusBadRequest, a.status)
	assert.Contains(t, string(a.body), "cheapest", "it says which there are")
}

// What one site can't do, another does: and who has asked need not know.
func TestWhatOneSiteCannotDoAnotherDoes(t *testing.T) {
	f := newFlock(t, 3, func(i int, c *config.Config) { c.Capacity.Cores = []int64{4, 8, 32}[i] })
	a := f.nodes[0]
	set := a.ask(alice, work{cores: 20})
	assert.Equal(t, []string{"c"}, set.sites())
	assert.Contains(t, set.said(), "a: cores: 20 needed", "why not here")
	for _, o := range set.Offers {
		require.Equal(t, http.StatusOK, f.nodes[1].update(alice, o.id(), "REJECTED").status)
	}
	direct := a.do(alice, "POST", "/direct", work{cores: 20}.request())
	require.Equal(t, http.StatusSeeOther, direct.status, "%s", direct.body)
	var s session
	direct.into(t, &s)
	assert.Equal(t, "c", f.owner(s.id()).name)
	f.await(f.nodes[1], alice, s.id(), "COMPLETED")

	set = a.ask(alice, work{cores: 100})
	assert.Equal(t, "NO", set.Result)
	for _, n := range f.nodes {
		assert.True(t, slices.ContainsFunc(set.Meta.Messages, func(m message) bool {
			return m.Values["site"] == n.name && m.Template != "" && m.Time != "" && m.Level != "" && strings.Contains(m.Message, n.name)
		}), "promise 9: a reason for %s in\n%s", n.name, set.said())
	}
}

// When an offer is accepted, at whatever node, its siblings are free again everywhere
// soon: long before they would expire.
func TestSiblingsAreFreeEverywhereSoonAfterAccept(t *testing.T) {
	for _, size := range []int{3, 5, 15} {
		t.Run(fmt.Sprint(size, " nodes"), func(t *testing.T) {
			f := newFlock(t, size, func(_ int, c *config.Config) { c.Placement.Offers = 100 })
			set := f.nodes[0].ask(alice, work{seconds: 0, cores: 8})
			require.Len(t, set.sites(), min(size, 4))
			chosen := set.from(set.sites()[1])[0]
			f.nodes[size-1].accept(alice, chosen.id())
			f.siblingsGo(set, chosen.id())
			f.await(f.nodes[1], alice, chosen.id(), "COMPLETED")
			for _, n := range f.nodes {
				n.idle()
			}
		})
	}
}

// idle waits until a node holds nothing any more.
func (n *node) idle() {
	n.t.Helper()
	var left []session
	defer func() {
		for _, s := range left {
			n.t.Logf("left at %s: %s %s, %+v", n.name, s.id(), s.Phase, s.Schedule)
		}
	}()
	eventually(n.t, "nothing to be offered or booked at "+n.name, func() bool {
		left = n.sessions(open...)
		return len(left) == 0
	})
}

// siblingsGo waits until all other offers of a set are rejected.
func (f *flock) siblingsGo(set offerSet, but string) {
	f.t.Helper()
	for _, o := range set.Offers {
		if o.id() != but {
			eventually(f.t, "sibling "+o.id()+" of "+o.site()+" to be rejected", func() bool {
				phase := f.owner(o.id()).phase(alice, o.id())
				require.NotEqual(f.t, "EXPIRED", phase)
				return phase == "REJECTED"
			})
		}
	}
}
