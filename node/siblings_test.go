package node

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/federation/fanout"
	"starling/federation/identity"
)

var three = []identity.NodeName{"a", "b", "c"}

// allOffer asks a for offers, and expects some of all nodes.
func (f *field) allOffer(req *ivoa.ExecutionRequest) *ivoa.OfferSet {
	f.t.Helper()
	set := f.worlds["a"].ask(alice, req)
	require.Equal(f.t, ivoa.Yes, set.Result)
	for name := range f.worlds {
		f.from(set, name)
	}
	return set
}

// others are the offers of a set but one, in their phases.
func (f *field) others(set *ivoa.OfferSet, but *ivoa.Session) (phases []ivoa.SessionPhase) {
	for _, s := range set.Offers {
		if s.UUID() != but.UUID() {
			phases = append(phases, f.phase(s))
		}
	}
	return phases
}

// Whoever owns the offer that is accepted, all others are rejected, wherever they
// are, and what they held is free.
func TestPromise1SiblingsAreRejectedAtAllNodes(t *testing.T) {
	for _, at := range three {
		t.Run(string(at), func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				f := newField(t, three)
				set := f.allOffer(request(5))
				best := f.from(set, at)
				_, err := f.worlds[at].update(alice, best, ivoa.SessionAccepted)
				require.NoError(t, err)
				synctest.Wait()
				for _, phase := range f.others(set, best) {
					assert.Equal(t, ivoa.SessionRejected, phase)
				}
				for name, w := range f.worlds {
					if name != at {
						assert.EqualValues(t, 8, w.freeCores(), "at %s", name)
						assert.Empty(t, w.state.sets)
						assert.Empty(t, w.state.made)
					}
					w.nothingToTell()
				}
			})
		})
	}
}

// nothingToTell checks that other nodes have been told everything.
func (w *world) nothingToTell() {
	w.t.Helper()
	w.courier.mu.Lock()
	defer w.courier.mu.Unlock()
	assert.Empty(w.t, w.courier.bags)
}

// A node that can't be told is told later, and if nobody tells it, expiry frees.
func TestPromise1WhoCannotBeToldIsToldLater(t *testing.T) {
	for name, c := range map[string]struct {
		accept, cut identity.NodeName
		crash       identity.NodeName // while it is cut off
		back        time.Duration
		want        ivoa.SessionPhase
	}{
		"the node that asked":                      {accept: "b", cut: "a", back: time.Minute, want: ivoa.SessionRejected},
		"the other owner":                          {accept: "a", cut: "c", back: time.Minute, want: ivoa.SessionRejected},
		"an owner that accepted and then crashed":  {accept: "b", cut: "a", crash: "b", back: time.Minute, want: ivoa.SessionRejected},
		"the node that asked crashed meanwhile":    {accept: "b", cut: "a", crash: "a", back: time.Minute, want: ivoa.SessionRejected},
		"the node that asked, and knew, crashed":   {accept: "a", cut: "c", crash: "a", back: time.Minute, want: ivoa.SessionRejected},
		"the other owner crashed meanwhile":        {accept: "a", cut: "c", crash: "c", back: time.Minute, want: ivoa.SessionRejected},
		"the node that asked is back too late":     {accept: "b", cut: "a", back: time.Hour, want: ivoa.SessionExpired},
		"the other owner is back too late":         {accept: "a", cut: "c", back: time.Hour, want: ivoa.SessionExpired},
		"the node that accepted was cut off":       {accept: "b", cut: "b", back: time.Minute, want: ivoa.SessionRejected},
		"all crashed, and the one that asked late": {accept: "b", cut: "a", crash: "b", back: 2 * time.Minute, want: ivoa.SessionRejected},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				f := newField(t, three)
				set := f.allOffer(request(5))
				best := f.from(set, c.accept)
				f.set(func() { f.cut[c.cut] = true })
				_, err := f.worlds[c.accept].update(alice, best, ivoa.SessionAccepted)
				require.NoError(t, err)
				synctest.Wait()
				assert.Equal(t, ivoa.SessionOffered, f.phase(f.from(set, "c")), "it is still open")
				if c.crash != "" {
					f.worlds[c.crash].crash()
				}
				time.Sleep(c.back)
				f.set(func() { f.cut[c.cut] = false })
				time.Sleep(tellAgainMax + time.Second)
				synctest.Wait()
				for _, s := range set.Offers {
					if s.UUID() != best.UUID() && c.back < time.Hour {
						assert.Equal(t, c.want, f.phase(s), "of %s", f.ownerOf(s).options.Name)
					}
				}
				assert.Equal(t, c.want, f.phase(f.from(set, "c")))
				assert.NotEqual(t, ivoa.SessionExpired, f.phase(best))
				for _, w := range f.worlds {
					if c.back < time.Hour {
						w.nothingToTell()
					}
				}
			})
		})
	}
}

// Two siblings that are accepted at two owners at the same instant both run: neither
// is refused, and neither is cancelled.
func TestTwoThatAreAcceptedAtOnceBothRun(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		f.set(func() { f.cut["a"] = true })
		for _, at := range []identity.NodeName{"b", "c"} {
			_, err := f.worlds[at].update(alice, f.from(set, at), ivoa.SessionAccepted)
			require.NoError(t, err)
		}
		f.set(func() { f.cut["a"] = false })
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, ivoa.SessionWaiting, f.phase(f.from(set, "b")))
		assert.Equal(t, ivoa.SessionWaiting, f.phase(f.from(set, "c")))
		assert.Equal(t, ivoa.SessionRejected, f.phase(f.from(set, "a")))
	})
}

// Promise 2: of two who accept the same offer at the same time one gets it, and the
// other is told so; and nobody gets it after it has expired.
func TestPromise2AnOfferOfAnotherNodeIsAcceptedOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		end := f.worlds["a"].options.Network
		at := func(key string) (refused bool) {
			_, refused, err := end.Accept(context.Background(), alice, "b", id(t, f.from(set, "b")), key)
			require.NoError(t, err)
			return refused
		}
		var both sync.WaitGroup
		var refusals [2]bool
		for i, key := range []string{"k", "l"} {
			both.Go(func() { refusals[i] = at(key) })
		}
		both.Wait()
		assert.NotEqual(t, refusals[0], refusals[1])
		assert.False(t, at(map[bool]string{false: "k", true: "l"}[refusals[0]]), "the same again is the same")

		late := f.allOffer(request(2))
		time.Sleep(time.Hour)
		s, refused, err := end.Accept(context.Background(), alice, "c", id(t, f.from(late, "c")), "m")
		require.NoError(t, err)
		assert.True(t, refused)
		assert.Equal(t, ivoa.SessionExpired, s.Phase)
	})
}

// What isn't among the best is given back at once, and what is isn't.
func TestWhatIsNotWantedIsGivenBack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three, func(o *Options) { o.Placement.Offers = 1 })
		set := f.worlds["a"].ask(alice, request(5))
		require.Len(t, set.Offers, 1)
		synctest.Wait()
		best := f.ownerOf(set.Offers[0])
		for name, w := range f.worlds {
			if w == best {
				assert.EqualValues(t, 3, w.freeCores(), "at %s", name)
			} else {
				assert.EqualValues(t, 8, w.freeCores(), "at %s", name)
			}
			w.nothingToTell()
		}
		_, err := best.update(alice, set.Offers[0], ivoa.SessionAccepted)
		require.NoError(t, err)
	})
}

// Promise 8: what a node says of offers that aren't its own business changes nothing.
func TestPromise8NobodyButTheNodesConcernedIsHeard(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		own, ofB := f.from(set, "a"), f.from(set, "b")
		setID, err := identity.ParseUUID(set.Meta.UUID)
		require.NoError(t, err)
		for name, c := range map[string]struct {
			at, peer identity.NodeName
			said     fanout.Tiding
		}{
			"another node's offer set":         {"b", "c", fanout.Tiding{Set: setID}},
			"one that was accepted elsewhere":  {"a", "c", fanout.Tiding{Set: setID, Accepted: id(t, ofB)}},
			"the asking node's own":            {"a", "b", fanout.Tiding{Set: setID, Accepted: id(t, own)}},
			"what isn't there":                 {"a", "b", fanout.Tiding{Set: id(t, ofB), Accepted: id(t, ofB)}},
			"what is nobody's":                 {"b", "a", fanout.Tiding{Set: id(t, own)}},
			"the wrong way round":              {"b", "a", fanout.Tiding{Set: setID, Accepted: id(t, ofB)}},
			"keeping what was made for others": {"c", "b", fanout.Tiding{Set: setID, Keep: []identity.UUID{id(t, ofB)}}},
		} {
			require.NoError(t, f.worlds[c.at].Hear(context.Background(), c.peer, []fanout.Tiding{c.said}), name)
			synctest.Wait()
			for _, s := range set.Offers {
				assert.Equal(t, ivoa.SessionOffered, f.phase(s), name)
			}
		}
	})
}
