package flock

import (
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"starling/node/config"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the storms; 0 draws one")

// storm is users that never rest, at all nodes of a federation, and what they were
// told. A seed makes what they and the faults do, though not when.
type storm struct {
	*flock
	seed    uint64
	random  *rand.Rand // the faults'
	stop    chan struct{}
	clients sync.WaitGroup

	mu       sync.Mutex
	sets     map[string]asked  // by the set's UUID
	accepted map[string]user   // sessions of which somebody was told that they are accepted
	ended    map[string]string // sessions that somebody saw ended, and how
	promises map[string]int    // sessions accepted, by their owner
	seen     []string          // sessions of alice's and bob's, for mallory
}

// asked is an answer to somebody.
type asked struct {
	by     user
	offers []string
}

// newStorm begins one over so many nodes. Whatever users leave behind is free again soon.
func newStorm(t *testing.T, size, users int) *storm {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	s := &storm{
		flock: newFlock(t, size, func(_ int, c *config.Config) {
			c.Offers.HoldTime, c.Offers.HoldGroupsPerUser = 5*time.Second, 1000
			c.Tariff.Rates = map[string]config.Rate{"core-seconds": {Price: "1", Energy: "1", Carbon: "1"}} // nothing is too short to be charged
		}),
		seed: seed, random: rand.New(rand.NewPCG(seed, 0)), stop: make(chan struct{}),
		sets: map[string]asked{}, accepted: map[string]user{}, ended: map[string]string{}, promises: map[string]int{},
	}
	for i := range users {
		choose := rand.New(rand.NewPCG(seed, uint64(i)+1))
		s.clients.Go(func() {
			for {
				select {
				case <-s.stop:
					return
				default:
					s.step(choose)
				}
			}
		})
	}
	s.clients.Go(s.watch)
	t.Cleanup(s.rest)
	return s
}

// rest sends the users home.
func (s *storm) rest() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.clients.Wait()
}

// step is one thing that a user does, at any node.
func (s *storm) step(choose *rand.Rand) {
	u, at := one(choose, []user{alice, bob}), one(choose, s.nodes)
	switch {
	case choose.IntN(10) == 0:
		s.pries(choose)
	case choose.IntN(10) == 0:
		s.reads(choose)
	default:
		s.asks(choose, u, at)
	}
}

// asks asks for something, and mostly takes one of the offers, at any node.
func (s *storm) asks(choose *rand.Rand, u user, at *node) {
	w := work{cores: 1 + choose.IntN(5), seconds: float64(choose.IntN(500)) / 1000, duration: "PT5S"}
	a, err := s.at(at, u, "POST", "/requests", w.request())
	var set offerSet
	if err != nil || a.status != http.StatusSeeOther || json.Unmarshal(a.body, &set) != nil || len(set.Offers) == 0 {
		time.Sleep(5 * time.Millisecond) // the node is down, or all is taken
		return
	}
	said := asked{by: u}
	var soon []string
	for _, o := range set.Offers {
		said.offers = append(said.offers, o.id())
		if start, _ := window(o); time.Until(start) < 5*time.Second {
			soon = append(soon, o.id())
		}
	}
	s.mu.Lock()
	s.sets[set.Meta.UUID] = said
	s.seen = append(s.seen, said.offers...)
	s.mu.Unlock()
	switch what := choose.IntN(10); {
	case what == 0: // whoever changes his mind says so, or doesn't
	case what == 1 || len(soon) == 0:
		for _, id := range said.offers {
			_, _ = s.at(one(choose, s.nodes), u, "POST", "/sessions/"+id, phaseUpdate("REJECTED"))
		}
	case what < 6:
		s.accepts(one(choose, s.nodes), u, one(choose, soon))
	default: // twice, at two nodes at once; or two offers of one set
		first, second := one(choose, soon), one(choose, soon)
		one, other := one(choose, s.nodes), one(choose, s.nodes)
		var both sync.WaitGroup
		both.Go(func() { s.accepts(one, u, first) })
		both.Go(func() { s.accepts(other, u, second) })
		both.Wait()
	}
}

// at asks a node that may be down: then there is no token of this life yet, and no answer.
func (s *storm) at(n *node, u user, method, path string, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return n.try(ctx, u, method, path, body)
}

func (s *storm) accepts(at *node, u user, id string) {
	if a, err := s.at(at, u, "POST", "/sessions/"+id, phaseUpdate("ACCEPTED")); ok(a, err) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, before := s.accepted[id]; !before {
			s.promises[s.owner(id).name]++
		}
		s.accepted[id] = u
	}
}

// reads looks at a session that was accepted: whatever node answers, it is never
// again an offer, and what has ended has ended so for good (promise 2).
func (s *storm) reads(choose *rand.Rand) {
	s.mu.Lock()
	var some []string
	for id := range s.accepted {
		some = append(some, id)
	}
	s.mu.Unlock()
	if len(some) == 0 {
		return
	}
	id := one(choose, some)
	s.mu.Lock()
	u, before := s.accepted[id], s.ended[id]
	s.mu.Unlock()
	a, err := s.at(one(choose, s.nodes), u, "GET", "/sessions/"+id, nil)
	if !ok(a, err) {
		return
	}
	var now session
	a.into(s.t, &now)
	assert.NotContains(s.t, []string{"OFFERED", "REJECTED", "EXPIRED"}, now.Phase, "session %s was accepted", id)
	if before != "" {
		assert.Equal(s.t, before, now.Phase, "session %s had ended", id)
	}
	if terminal(now.Phase) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended[id] = now.Phase
	}
}

// pries is what mallory does: sessions of others, at any node (promise 8).
func (s *storm) pries(choose *rand.Rand) {
	s.mu.Lock()
	var id string
	if len(s.seen) > 0 {
		id = one(choose, s.seen)
	}
	s.mu.Unlock()
	if id == "" {
		return
	}
	method, body := "GET", any(nil)
	if choose.IntN(2) == 0 {
		method, body = "POST", phaseUpdate(one(choose, []string{"ACCEPTED", "REJECTED", "CANCELLED"}))
	}
	a, err := s.at(one(choose, s.nodes), user{name: "mallory"}, method, "/sessions/"+id, body)
	if err == nil {
		assert.GreaterOrEqual(s.t, a.status, 400, "%s %s: %s", method, id, a.body)
		assert.NotContains(s.t, string(a.body), "alice")
	}
}

// promised counts what these nodes have promised.
func (s *storm) promised(nodes []*node) (total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range nodes {
		total += s.promises[n.name]
	}
	return total
}

// flies waits until these nodes have promised some more, each, or all together.
func (s *storm) flies(nodes ...*node) {
	s.t.Helper()
	for _, n := range nodes {
		s.goesOn(1, n)
	}
}

func (s *storm) goesOn(more int, nodes ...*node) {
	s.t.Helper()
	before := s.promised(nodes)
	eventually(s.t, "promises", func() bool { return s.promised(nodes) >= before+more })
}
