package systemtest

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flock is a federation whose nodes are never left in peace: each has a client
// that asks and accepts, and one that reads strongly.
type flock struct {
	*federation
	passages map[*Node]*passage // to each node
	stop     chan struct{}
	clients  sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]*Node // what a node has told somebody
	shown    map[string]bool  // attempts that a strong read has shown, and whether they had ended
	promises map[*Node]int
	reads    map[*Node]int
}

func newFlock(t *testing.T, seed uint64) *flock {
	f := &flock{
		federation: &federation{t: t}, passages: map[*Node]*passage{}, stop: make(chan struct{}),
		accepted: map[string]*Node{}, shown: map[string]bool{}, promises: map[*Node]int{}, reads: map[*Node]int{},
	}
	dir := t.TempDir()
	for i := range 3 {
		// What clients that saw a node die have left is free again soon.
		f.add(dir, "--set", "offers.holdTime=3s")
		n := f.last()
		f.passages[n] = newPassage(t, f.Nodes[i].Raft)
		n.Arguments = append(n.Arguments, "--raft-advertise", f.passages[n].listener.Addr().String())
		n.Start()
	}
	f.allVote()
	for i, n := range f.nodes {
		choose := rand.New(rand.NewPCG(seed, uint64(i)+2))
		f.clients.Go(func() { f.repeat(func() { f.asks(n, choose) }) })
		f.clients.Go(func() { f.repeat(func() { f.readsStrongly(n) }) })
	}
	t.Cleanup(f.rest)
	return f
}

// repeat does something until the flock may rest, in peace.
func (f *flock) repeat(do func()) {
	for {
		do()
		select {
		case <-f.stop:
			return
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// rest sends the clients home.
func (f *flock) rest() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
	f.clients.Wait()
}

func (f *flock) asks(n *Node, choose *rand.Rand) {
	if id := n.tryAccept(choose); id != "" {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.accepted[id] = n
		f.promises[n]++
	}
}

// readsStrongly reads at a node, and checks promise 5: what any strong read has
// shown before this one began, at any node, this one shows, too.
func (f *flock) readsStrongly(n *Node) {
	f.mu.Lock()
	before := maps.Clone(f.shown)
	f.mu.Unlock()
	history, err := allOf[attempt](n, "/history?limit=1000&consistency=strong", "history")
	if err != nil {
		return // the node is down, or in a minority
	}
	now := map[string]bool{}
	for _, a := range history {
		now[a.HistoryRef] = a.Ended != ""
	}
	for ref, ended := range before {
		found, is := now[ref]
		assert.True(f.t, is, "attempt %s was shown by a strong read, and is gone", ref)
		assert.True(f.t, found || !ended, "attempt %s had ended, and goes on", ref)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for ref, ended := range now {
		f.shown[ref] = f.shown[ref] || ended
	}
	f.reads[n]++
}

// flies waits until each of these nodes has promised something, and has shown the
// whole record, since now.
func (f *flock) flies(nodes ...*Node) {
	f.t.Helper()
	f.more("strong reads", f.reads, 2, nodes) // one may have begun before
	f.promise(nodes...)
}

// promise waits until each of these nodes has promised something, since now.
func (f *flock) promise(nodes ...*Node) {
	f.t.Helper()
	f.more("promises", f.promises, 1, nodes)
}

// more waits until so many more were counted at each of these nodes.
func (f *flock) more(what string, count map[*Node]int, more int, nodes []*Node) {
	f.t.Helper()
	f.mu.Lock()
	before := maps.Clone(count)
	f.mu.Unlock()
	for _, n := range nodes {
		eventually(f.t, what+" at "+n.Data, func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return count[n] >= before[n]+more
		})
	}
}

// others are all nodes but one.
func (f *federation) others(but *Node) (others []*Node) {
	for _, n := range f.nodes {
		if n != but {
			others = append(others, n)
		}
	}
	return others
}

// agreesOn checks promises 2 to 5 once the clients rest and everything has ended.
func (f *flock) agreesOn() {
	f.rest()
	require.NotEmpty(f.t, f.accepted)
	for id, n := range f.accepted {
		eventually(f.t, "session "+id+" to end", func() bool { return terminal(n.session(id).Phase) })
	}
	for _, n := range f.nodes {
		n.rejectOffers()
	}
	for _, n := range f.nodes {
		n.settled()
		eventually(f.t, "nothing to wait for the log", func() bool {
			var log struct{ Outbox struct{ Depth int } }
			n.do("GET", "/federation/log", nil).into(f.t, &log)
			return log.Outbox.Depth == 0
		})
	}
	f.sameEverywhere()
	f.nodes[0].hasOnRecordOnce(f.accepted)
}
