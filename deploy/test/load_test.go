package systemtest

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random kills; 0 draws one")

// Promises 1 to 4: killed at random moments while several clients ask and
// accept, the node keeps every promise that a client was told of.
func TestPromises1To4UnderLoadKilledAtRandom(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	// What clients that saw the node die have left is free again soon.
	n := start(t, "--set", "offers.holdTime=3s")

	stop := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	accepted := map[string]bool{} // what the node has told somebody
	for client := range 4 {
		choose := rand.New(rand.NewPCG(seed, uint64(client)+2))
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if id := n.tryAccept(choose); id != "" {
					mu.Lock()
					accepted[id] = true
					mu.Unlock()
				}
			}
		})
	}
	clients.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				n.checkBookings()
			}
		}
	})
	told := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(accepted)
	}
	for range 6 {
		// The moment is random, but in each life something was promised.
		before := told()
		eventually(t, "a promise", func() bool { return told() > before })
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		n.Restart()
	}
	close(stop)
	clients.Wait()

	require.NotEmpty(t, accepted)
	for id := range accepted {
		eventually(t, "session "+id+" to end", func() bool { return terminal(n.session(id).Phase) })
	}
	n.rejectOffers()
	n.settled()
	done := map[string]int{}
	last := map[string]int{}
	refs := map[string]bool{}
	history := n.history("")
	for _, a := range history {
		assert.False(t, refs[a.HistoryRef], "attempt %s is listed twice", a.HistoryRef)
		refs[a.HistoryRef] = true
		last[a.Session] = max(last[a.Session], a.Attempt)
		if a.Phase == "COMPLETED" {
			done[a.Session]++
		}
	}
	for id := range accepted {
		phases := n.phases(id)
		assert.Equal(t, 1, countFunc(phases, terminal), "%s: %v", id, phases)
		phase := n.session(id).Phase
		if phase == "COMPLETED" {
			assert.Equal(t, 1, done[id], "attempts at %s that were completed", id)
			continue
		}
		assert.Equal(t, "FAILED", phase, id)
		assert.Equal(t, 3, last[id], "it was tried as often as is allowed")
	}
	charges := map[string]int{}
	for _, a := range n.accounts() {
		if a.Side != "charged" || a.Resource != "monetary" {
			continue
		}
		for _, e := range n.entries(a.ID) {
			charges[e.HistoryRef]++
		}
	}
	for ref, times := range charges {
		assert.Equal(t, 1, times, "charges of attempt %s", ref)
		assert.True(t, refs[ref], "a charge of an attempt that isn't on record: %s", ref)
	}
	t.Logf("%d sessions accepted, %d attempts, %d charged", len(accepted), len(history), len(charges))
}

// tryAccept asks for something and accepts it, and returns the session if the
// node has said that it is accepted.
func (n *Node) tryAccept(random *rand.Rand) string {
	w := work{pause: float64(random.IntN(200)) / 1000, cores: 1 + random.IntN(4), duration: "PT10S"}
	if random.IntN(3) == 0 {
		w.command = []string{"true"}
	}
	a, err := n.try("POST", "/requests", w.request())
	if err != nil || a.Status != 303 {
		time.Sleep(10 * time.Millisecond) // the node is down
		return ""
	}
	var set offerSet
	if json.Unmarshal(a.Body, &set) != nil || len(set.Offers) == 0 {
		return "" // NO: too much is held
	}
	best := set.Offers[0]
	if start, err := time.Parse(time.RFC3339, best.Schedule.Available.Start[:min(24, len(best.Schedule.Available.Start))]); err != nil || time.Until(start) > 8*time.Second {
		for _, offer := range set.Offers {
			_, _ = n.try("POST", "/sessions/"+offer.Meta.UUID, phaseUpdate("REJECTED"))
		}
		return "" // the test is to end some time
	}
	a, err = n.try("POST", "/sessions/"+best.Meta.UUID, phaseUpdate("ACCEPTED"))
	if err != nil || a.Status != 200 {
		return ""
	}
	return best.Meta.UUID
}

// checkBookings checks promise 1 as clients see it: what runs and is prepared
// at one instant fits into the node, and free is never less than nothing.
func (n *Node) checkBookings() {
	a, err := n.try("GET", "/sessions?limit=1000&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING", nil)
	var page struct{ Sessions []session }
	if err != nil || a.Status != 200 || json.Unmarshal(a.Body, &page) != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	var cores int64
	for _, s := range page.Sessions {
		cores += s.Compute.Cores.Max
	}
	assert.LessOrEqual(n.t, cores, int64(8), "cores in use at once")
	a, err = n.try("GET", "/federation/nodes", nil)
	var nodes struct {
		Nodes []struct{ Free struct{ Cores int64 } }
	}
	if err == nil && a.Status == 200 {
		err = json.Unmarshal(a.Body, &nodes)
		assert.True(n.t, err == nil || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
		for _, node := range nodes.Nodes {
			assert.GreaterOrEqual(n.t, node.Free.Cores, int64(0), "free cores")
		}
	}
}

// rejectOffers gives back what clients that saw the node die have left.
func (n *Node) rejectOffers() {
	var page struct{ Sessions []session }
	n.do("GET", "/sessions?limit=1000&phase=OFFERED", nil).into(n.t, &page)
	for _, s := range page.Sessions {
		n.setPhase(s.Meta.UUID, "REJECTED")
	}
	defer func() {
		for _, s := range page.Sessions {
			n.t.Logf("left: %s %s, %d cores, %+v", s.Meta.UUID, s.Phase, s.Compute.Cores.Max, s.Schedule)
		}
	}()
	eventually(n.t, "all sessions to end", func() bool {
		page.Sessions = nil // an empty list is left out of an answer
		n.do("GET", "/sessions?limit=1000&phase=ACCEPTED&phase=WAITING&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING", nil).into(n.t, &page)
		return len(page.Sessions) == 0
	})
}
