package flock

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/node/config"
)

// offered asks a, and returns the answer and offers of b and c.
func (f *flock) offered(w work) (set offerSet, ofB, ofC session) {
	f.t.Helper()
	set = f.nodes[0].ask(alice, w)
	require.Equal(f.t, []string{"a", "b", "c"}, set.sites(), set.said())
	return set, set.from("b")[0], set.from("c")[0]
}

// Promise 2: an offer outlives its site's kill, as its hold does; nobody else can take it.
func TestPromise2ANodeKilledBetweenOfferAndAccept(t *testing.T) {
	f := newFlock(t, 3, nil)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	set, ofB, _ := f.offered(work{cores: 8})
	b.kill()
	refused := a.update(alice, ofB.id(), "ACCEPTED")
	assert.Equal(t, http.StatusServiceUnavailable, refused.status, "%s", refused.body)
	assert.Contains(t, string(refused.body), "b", "it says who can't be reached")
	b.up()
	f.acquainted()
	c.accept(alice, ofB.id())
	f.siblingsGo(set, ofB.id())
	f.await(a, alice, ofB.id(), "COMPLETED")
}

// Promise 2: who has asked need not be there any more; whoever offers does, and is enough.
func TestPromise2WhoWasAskedIsKilledBetweenOfferAndAccept(t *testing.T) {
	f := newFlock(t, 3, nil)
	a, c := f.nodes[0], f.nodes[2]
	set, ofB, ofC := f.offered(work{cores: 8})
	a.kill()
	c.accept(alice, ofB.id())
	f.await(c, alice, ofB.id(), "COMPLETED")
	// Who was told of no siblings' end keeps them offered until a is back and hears it.
	assert.Equal(t, "OFFERED", c.phase(alice, ofC.id()))
	a.up()
	f.siblingsGo(set, ofB.id())
	f.acquainted()
	eventually(t, "the set to say so", func() bool {
		var again offerSet
		a.get(alice, "/offersets/"+set.Meta.UUID, &again)
		return !slices.ContainsFunc(again.Offers, func(o session) bool { return o.Phase == "OFFERED" })
	})
}

// Promise 2: an offer is accepted, and its owner is killed before it could tell anybody:
// it runs all the same, and the siblings are rejected once the owner is back.
func TestPromise2TheOwnerIsKilledBetweenAcceptAndTheSiblingsEnd(t *testing.T) {
	f := newFlock(t, 3, nil)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	set, ofB, ofC := f.offered(work{cores: 8})
	f.part([]*node{b}, []*node{a, c}) // so that it can tell nobody
	b.accept(alice, ofB.id())
	b.kill()
	assert.Equal(t, "OFFERED", c.phase(alice, ofC.id()))
	f.mend()
	b.up()
	f.siblingsGo(set, ofB.id())
	f.await(a, alice, ofB.id(), "COMPLETED")
}

// Promise 2: the same offer, accepted at two nodes at once, is booked once, and both
// are told the same.
func TestPromise2AcceptedTwiceAtTwoNodesAtOnce(t *testing.T) {
	f := newFlock(t, 3, nil)
	for range 5 {
		_, ofB, _ := f.offered(work{seconds: 0.1})
		var both sync.WaitGroup
		for _, n := range []*node{f.nodes[0], f.nodes[2]} {
			both.Go(func() {
				var told session
				answer := n.update(alice, ofB.id(), "ACCEPTED")
				answer.into(t, &told)
				assert.NotContains(t, []string{"OFFERED", "REJECTED", "EXPIRED"}, told.Phase, "%d %s", answer.status, answer.body)
			})
		}
		both.Wait()
		f.await(f.nodes[0], alice, ofB.id(), "COMPLETED")
		attempts := 0
		for _, one := range f.nodes[1].history() {
			if one.Session == ofB.id() {
				attempts++
			}
		}
		assert.Equal(t, 1, attempts)
	}
}

// Two offers of one set, accepted one after the other at two nodes: the second is
// refused, and says why.
func TestPromise2ASiblingOfWhatWasAcceptedIsRefused(t *testing.T) {
	f := newFlock(t, 3, nil)
	set, ofB, ofC := f.offered(work{seconds: 0.1})
	f.nodes[2].accept(alice, ofB.id())
	f.siblingsGo(set, ofB.id())
	refused := f.nodes[1].update(alice, ofC.id(), "ACCEPTED")
	assert.Equal(t, http.StatusConflict, refused.status)
	var told session
	refused.into(t, &told)
	assert.Equal(t, "REJECTED", told.Phase)
	assert.NotEmpty(t, told.Meta.Messages)
}

// Promise 2: what has expired is accepted nowhere.
func TestPromise2AcceptedAfterExpiry(t *testing.T) {
	f := newFlock(t, 3, func(_ int, c *config.Config) { c.Offers.HoldTime = time.Second })
	_, ofB, _ := f.offered(work{cores: 8})
	eventually(t, "the offer to expire", func() bool { return f.nodes[0].phase(alice, ofB.id()) == "EXPIRED" })
	for _, n := range f.nodes {
		refused := n.update(alice, ofB.id(), "ACCEPTED")
		assert.Equal(t, http.StatusConflict, refused.status, "%s: %s", n.name, refused.body)
		var told session
		refused.into(t, &told)
		assert.Equal(t, "EXPIRED", told.Phase)
	}
	assert.Empty(t, f.nodes[1].sessions(booked...))
}

// Promise 6: while the others are cut off, each side takes what it has offered, and
// after that both tell the same.
func TestPromise6APartitionWhileOffersAreHeld(t *testing.T) {
	f := newFlock(t, 3, nil)
	a, b, c := f.nodes[0], f.nodes[1], f.nodes[2]
	first, ofB, _ := f.offered(work{cores: 4})
	second := a.ask(alice, work{cores: 4})
	ofA := second.from("a")[0]
	f.part([]*node{a}, []*node{b, c})
	refused := a.update(alice, ofB.id(), "ACCEPTED")
	assert.Equal(t, http.StatusServiceUnavailable, refused.status, "%s", refused.body)
	c.accept(alice, ofB.id())
	a.accept(alice, ofA.id())
	f.await(a, alice, ofA.id(), "COMPLETED")
	f.await(c, alice, ofB.id(), "COMPLETED")
	// Alone, it still answers, and says who doesn't.
	alone := a.ask(alice, work{})
	assert.Equal(t, []string{"a"}, alone.sites(), alone.said())
	assert.Contains(t, alone.said(), "b")
	assert.Contains(t, alone.said(), "c")
	f.mend()
	f.siblingsGo(first, ofB.id())
	f.siblingsGo(second, ofA.id())
	f.await(b, alice, ofA.id(), "COMPLETED")
	f.await(a, alice, ofB.id(), "COMPLETED")
}
