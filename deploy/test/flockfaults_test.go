package systemtest

import (
	"maps"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promises 2 to 5: whatever befalls the processes of a federation under load, all
// that was promised ends once, is recorded once and charged once, and every node
// tells the same; no strong read is ever stale.
func TestPromises2To5AFederationUnderLoadWhoseNodesAreKilledStoppedAndRestarted(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	f := newFlock(t, seed)
	f.flies(f.nodes...)
	faults := []struct {
		name   string
		strike func(*flock)
	}{
		{"the leader is killed", (*flock).killLeader},
		{"a follower is killed", (*flock).killFollower},
		{"all are killed at once", (*flock).killAll},
		{"all are restarted, one after the other", (*flock).restartAll},
		{"the leader is frozen for a while", (*flock).freezeLeader},
		{"no node can reach another", (*flock).cutLines},
	}
	random := rand.New(rand.NewPCG(seed, 1))
	random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for _, fault := range faults {
		t.Log(fault.name)
		fault.strike(f)
		f.flies(f.nodes...)
	}
	f.agreesOn()
}

// anotherLeader waits until these follow another than the one that was.
func (f *flock) anotherLeader(old *Node, of ...*Node) {
	f.t.Helper()
	eventually(f.t, "another leader", func() bool { return f.leader(of...) != old })
}

func (f *flock) killLeader() {
	leader := f.leader(f.nodes...)
	leader.Kill()
	f.anotherLeader(leader, f.others(leader)...)
	f.flies(f.others(leader)...)
	leader.Start()
}

func (f *flock) killFollower() {
	follower := f.others(f.leader(f.nodes...))[0]
	follower.Kill()
	f.flies(f.others(follower)...)
	follower.Start()
}

func (f *flock) killAll() {
	for _, n := range f.nodes {
		require.NoError(f.t, syscall.Kill(n.Pid(), syscall.SIGKILL))
	}
	for _, n := range f.nodes {
		n.Kill() // waits
	}
	for _, n := range f.nodes {
		n.Start()
	}
}

func (f *flock) restartAll() {
	for _, n := range f.nodes {
		assert.Equal(f.t, 0, n.Stop())
		f.flies(f.others(n)...)
		n.Start()
		f.flies(n)
	}
}

// freezeLeader stops the leader's process for as long as the others need to go on
// without it. When it goes on it believes that it leads, for a moment.
func (f *flock) freezeLeader() {
	leader := f.leader(f.nodes...)
	require.NoError(f.t, syscall.Kill(leader.Pid(), syscall.SIGSTOP))
	defer func() { require.NoError(f.t, syscall.Kill(leader.Pid(), syscall.SIGCONT)) }()
	f.anotherLeader(leader, f.others(leader)...)
	f.flies(f.others(leader)...)
}

// cutLines lets no node reach another. Each takes work all the same (promise 6), and
// none shows what it says strongly.
func (f *flock) cutLines() {
	leader := f.leader(f.nodes...)
	for _, n := range f.nodes {
		f.passages[n].cut()
		defer f.passages[n].open()
	}
	eventually(f.t, "the leader to have stepped down", func() bool {
		var log struct{ Role string }
		leader.do("GET", "/federation/log", nil).into(f.t, &log)
		return log.Role != "leader"
	})
	f.mu.Lock()
	reads := maps.Clone(f.reads)
	f.mu.Unlock()
	f.promise(f.nodes...)
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, count := range f.reads {
		assert.LessOrEqual(f.t, count, reads[n]+1, "strong reads at %s", n.Data) // one may have been on its way
	}
}
