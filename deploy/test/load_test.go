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
	accepted := map[string]*Node{} // what the node has told somebody
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
					accepted[id] = n
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
	n.hasOnRecordOnce(accepted)
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
	sessions, err := allOf[session](n, "/sessions?limit=1000&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING", "sessions")
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	var cores int64
	for _, s := range sessions {
		cores += s.Compute.Cores.Max
	}
	assert.LessOrEqual(n.t, cores, int64(8), "cores in use at once")
	a, err := n.try("GET", "/federation/nodes", nil)
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
	for _, s := range mustAllOf[session](n, "/sessions?limit=1000&phase=OFFERED", "sessions") {
		n.setPhase(s.Meta.UUID, "REJECTED")
	}
	var left []session
	defer func() {
		for _, s := range left {
			n.t.Logf("left: %s %s, %d cores, %+v", s.Meta.UUID, s.Phase, s.Compute.Cores.Max, s.Schedule)
		}
	}()
	eventually(n.t, "all sessions to end", func() bool {
		left = mustAllOf[session](n, "/sessions?limit=1000&phase=ACCEPTED&phase=WAITING&phase=PREPARING&phase=AVAILABLE&phase=RUNNING&phase=RELEASING", "sessions")
		return len(left) == 0
	})
}
