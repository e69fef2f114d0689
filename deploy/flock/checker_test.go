package flock

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
)

// window is from when to when a session's resources are its own.
func window(s session) (from, to time.Time) {
	for _, w := range []struct{ Start, Duration string }{s.Schedule.Preparing, s.Schedule.Available, s.Schedule.Releasing} {
		at := w.Start
		if i := slices.Index([]byte(at), '/'); i >= 0 {
			at = at[:i]
		}
		start, err := ivoa.ParseInstant(at)
		if err != nil {
			continue
		}
		length, _ := ivoa.ParseDuration(w.Duration)
		if from.IsZero() || start.Before(from) {
			from = start
		}
		if end := start.Add(length); end.After(to) {
			to = end
		}
	}
	return from, to
}

// span is some cores for some time.
type span struct {
	from, to time.Time
	cores    int64
}

// peak is the most that spans take at one instant. What ends when another begins
// doesn't overlap it.
func peak(spans []span) (most int64) {
	type step struct {
		at    time.Time
		cores int64
	}
	var steps []step
	for _, s := range spans {
		steps = append(steps, step{s.from, s.cores}, step{s.to, -s.cores})
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.cores, b.cores)) })
	var now int64
	for _, s := range steps {
		now += s.cores
		most = max(most, now)
	}
	return most
}

// booked are the phases in which a session's resources are its own, by its schedule.
var booked = []string{"ACCEPTED", "WAITING", "PREPARING", "AVAILABLE", "RUNNING"}

// open are those in which a session holds anything.
var open = append([]string{"OFFERED", "RELEASING"}, booked...)

// watch looks at all nodes as long as the storm lasts: what is booked and held at one of
// them at one instant is never more than it has (promise 1).
func (s *storm) watch() {
	path := "/sessions?here=true&limit=1000&phase=OFFERED"
	for _, phase := range booked {
		path += "&phase=" + phase
	}
	for {
		for _, n := range s.nodes {
			select {
			case <-s.stop:
				return
			default:
			}
			if list, err := tryAll[session](n, operator, path, "sessions"); err == nil { // else it is down
				s.fits(n, list)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// fits checks that sessions of a node, with their bookings and holds, fit into it
// together. The offers of one set are alternatives, of which one counts; those of a set
// that nobody has been told of yet are left out.
func (s *storm) fits(n *node, list []session) {
	s.mu.Lock()
	setOf := map[string]string{}
	for set, said := range s.sets {
		for _, offer := range said.offers {
			setOf[offer] = set
		}
	}
	s.mu.Unlock()
	together := map[string][]span{} // by the session, or the set
	var starts []time.Time
	for _, one := range list {
		key := one.id()
		if one.Phase == "OFFERED" {
			if key = setOf[key]; key == "" {
				continue
			}
		}
		from, to := window(one)
		together[key] = append(together[key], span{from, to, one.Compute.Cores.Max})
		starts = append(starts, from)
	}
	for _, at := range starts { // nowhere else is more taken than just before
		var taken int64
		for _, alternatives := range together {
			var most int64
			for _, a := range alternatives {
				if !a.from.After(at) && a.to.After(at) {
					most = max(most, a.cores)
				}
			}
			taken += most
		}
		if taken > n.config.Capacity.Cores {
			assert.Fail(s.t, "promise 1: more is booked and held than there is", "%d cores at %s of %s: %v", taken, at, n.name, together)
			return
		}
	}
}

// calm has the storm end and every fault with it, and all that was accepted run.
func (s *storm) calm() {
	s.t.Helper()
	s.rest()
	for _, n := range s.nodes {
		s.answers(n.name, nil)
	}
	s.mend()
	for _, n := range s.nodes {
		if !n.alive() {
			n.up()
		}
	}
	s.acquainted()
	for id, u := range s.accepted {
		eventually(s.t, "session "+id+" to end", func() bool { return terminal(s.owner(id).phase(u, id)) })
	}
	for _, n := range s.nodes {
		n.idle()
		eventually(s.t, "nothing of "+n.name+" to wait for the log", func() bool {
			var log struct{ Outbox struct{ Depth int } }
			n.get(operator, "/federation/log", &log)
			return log.Outbox.Depth == 0
		})
	}
}

// keepsPromises checks, once all is calm, what users were told against what any node
// tells: promises 1 to 5.
func (s *storm) keepsPromises() {
	s.t.Helper()
	require.NotEmpty(s.t, s.accepted)
	first := s.nodes[0]
	for _, n := range s.nodes[1:] {
		eventually(s.t, "the same record at "+n.name+" (promise 5)", func() bool {
			return assert.ObjectsAreEqual(first.history(), n.history()) && assert.ObjectsAreEqual(first.accounts(), n.accounts())
		})
	}
	history := first.history()
	s.ranOnce(history)
	s.nothingOverlaps(history)
	s.oneOfASet()
	s.balances(history)
	s.t.Logf("%d sets, %d sessions accepted, %d attempts; by owner: %v", len(s.sets), len(s.accepted), len(history), s.promises)
}

// ranOnce checks promises 2 and 3: whatever somebody was told to be accepted has
// ended, the same at every node, and was completed once if it was.
func (s *storm) ranOnce(history []attempt) {
	done := map[string]int{}
	for _, a := range history {
		if a.Phase == "COMPLETED" {
			done[a.Session]++
		}
	}
	for id, u := range s.accepted {
		end := s.owner(id).session(u, id).Phase
		assert.Contains(s.t, []string{"COMPLETED", "FAILED"}, end, id)
		if end == "COMPLETED" {
			assert.Equal(s.t, 1, done[id], "attempts at %s that were completed", id)
		}
		for _, n := range s.nodes {
			assert.Equal(s.t, end, n.phase(u, id), "session %s at %s", id, n.name)
		}
		if before := s.ended[id]; before != "" {
			assert.Equal(s.t, before, end, "session %s had ended", id)
		}
	}
}

// nothingOverlaps checks promise 1 by the record: what ran at one instant fitted.
func (s *storm) nothingOverlaps(history []attempt) {
	byNode, cores := map[string][]span{}, map[string]int64{}
	for _, n := range s.nodes {
		for _, one := range n.sessions() {
			cores[one.id()] = one.Compute.Cores.Max
		}
	}
	for _, a := range history {
		require.Contains(s.t, cores, a.Session)
		byNode[a.Node] = append(byNode[a.Node], span{a.Opened, a.Ended, cores[a.Session]})
	}
	for _, n := range s.nodes {
		assert.LessOrEqual(s.t, peak(byNode[n.name]), n.config.Capacity.Cores, "promise 1: what ran at %s at one instant", n.name)
	}
}

// oneOfASet checks that at most one of a set's offers of one node was accepted, and
// that nobody holds any of the others. (Two accepted at two nodes at one instant both
// run: the design says so.)
func (s *storm) oneOfASet() {
	for id, set := range s.sets {
		taken := map[string][]string{}
		for _, offer := range set.offers {
			switch phase := s.owner(offer).phase(set.by, offer); phase {
			case "REJECTED", "EXPIRED", "": // it may be forgotten
			default:
				taken[s.owner(offer).name] = append(taken[s.owner(offer).name], offer+" "+phase)
			}
		}
		for node, offers := range taken {
			assert.Len(s.t, offers, 1, "offers of set %s that were accepted at %s", id, node)
		}
	}
}

// balances checks promises 3 and 4: one charge an attempt, and nothing is lost.
func (s *storm) balances(history []attempt) {
	n := s.nodes[0]
	refs := map[string]bool{}
	for _, a := range history {
		assert.False(s.t, refs[a.HistoryRef], "attempt %s is listed twice", a.HistoryRef)
		refs[a.HistoryRef] = true
	}
	sums, charges := map[string]*big.Rat{}, map[string]int{}
	for _, a := range n.accounts() {
		balance, ok := new(big.Rat).SetString(a.Balance)
		require.True(s.t, ok, "balance %q", a.Balance)
		key := a.Resource + " in " + a.Unit
		if sums[key] == nil {
			sums[key] = new(big.Rat)
		}
		sums[key].Add(sums[key], balance)
		if a.Side == "charged" && a.Resource == "monetary" {
			for _, e := range all[entry](n, "/accounts/"+a.ID+"/entries?limit=1000", "entries") {
				if e.Kind == "charge" {
					charges[e.HistoryRef]++
				}
			}
		}
	}
	for resource, sum := range sums {
		assert.Zero(s.t, sum.Sign(), "promise 4: the sum of all %s is %s", resource, sum.RatString())
	}
	for ref, times := range charges {
		assert.Equal(s.t, 1, times, "promise 3: charges of attempt %s", ref)
		assert.True(s.t, refs[ref], "a charge of an attempt that isn't on record: %s", ref)
	}
}
