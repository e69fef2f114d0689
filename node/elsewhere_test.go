package node

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/despatch"
	"starling/api/ivoa"
	"starling/federation/identity"
	"starling/scheduling"
)

// fill books all of a node, from now on.
func (w *world) fill(duration string) {
	w.t.Helper()
	req := request(w.options.Capacity.Cores)
	req.Schedule.Requested.Duration = duration
	here := identity.Caller{User: "bob", Roles: bob.Roles, Via: []identity.NodeName{"z"}} // so that nobody else is asked
	_, err := w.update(bob, w.offer(here, req), ivoa.SessionAccepted)
	require.NoError(w.t, err)
}

// Every offer of an answer says who makes it and why it is where it is, in the order
// of the policy; and there are no more than the best.
func TestTheBestOffersOfAllNodesAreOneAnswer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		for name, hours := range map[identity.NodeName]string{"a": "PT3H", "b": "PT1H"} { // c is free at once
			f.worlds[name].fill(hours)
		}
		set := f.allOffer(request(8))
		var sites []string
		for i, o := range set.Offers {
			var places []ivoa.Message
			for _, m := range o.Meta.Messages {
				if m.Kind == messagePlace {
					places = append(places, m)
				}
			}
			require.Len(t, places, 1, "one reason, by the node that was asked")
			assert.Equal(t, string(f.ownerOf(o).options.Name), places[0].Values["site"])
			assert.Equal(t, string(rune('1'+i)), places[0].Values["rank"])
			assert.Equal(t, "balanced", places[0].Values["policy"])
			sites = append(sites, places[0].Values["site"])
		}
		assert.Equal(t, []string{"c", "b", "a"}, sites)
	})
}

// The policy is the one that the request names, and other nodes hear of it.
func TestOffersAreRankedAsTheRequestSays(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		f.worlds["c"].fill("PT1H")
		ranked := func(policy string) (sites string) {
			set, err := f.worlds["a"].Ask(context.Background(), alice, request(8), nil, Asking{Placement: policy})
			require.NoError(t, err)
			for _, o := range set.Offers {
				sites += string(f.ownerOf(o).options.Name)
			}
			return sites
		}
		assert.True(t, strings.HasSuffix(ranked("fastest"), "c"))
		_, err := f.worlds["a"].Ask(context.Background(), alice, request(8), nil, Asking{Placement: "nicest"})
		require.Equal(t, CodeInvalid, codeOf(err))
		assert.ErrorContains(t, err, "balanced, fastest, cheapest")
	})
}

// Promise 9: a NO of all says of each why, in one message a site; and a YES of
// another is a YES, with this node's reasons aside.
func TestPromise9ANoSaysWhyOfEverySite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.worlds["a"].ask(alice, request(9))
		require.Equal(t, ivoa.No, set.Result)
		sites := map[string]int{}
		for _, m := range set.Meta.Messages {
			sites[m.Values["site"]]++
			assert.NotContains(t, m.Text, "{")
			assert.NotEmpty(t, m.Kind)
			assert.NotEmpty(t, m.Template)
			assert.False(t, m.Time.IsZero())
		}
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, sites, "%v", textsOfSet(set))

		large := newField(t, three, func(o *Options) {
			if o.Name == "b" {
				o.Capacity = scheduling.Resources{Cores: 64, Memory: 64, Storage: 100}
			}
		})
		set = large.worlds["a"].ask(alice, request(9))
		require.Equal(t, ivoa.Yes, set.Result)
		large.from(set, "b")
		for _, m := range set.Meta.Messages {
			assert.NotEqual(t, ivoa.LevelError, m.Level, m.Text)
		}
		assert.Contains(t, strings.Join(textsOfSet(set), "\n"), "a: ")
	})
}

// What is wrong with the request itself no other node need say again.
func TestAHopelessRequestIsNotPassedOn(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.worlds["a"].ask(alice, &ivoa.ExecutionRequest{})
		assert.Equal(t, ivoa.No, set.Result)
		assert.Len(t, set.Meta.Messages, 1)
		assert.Empty(t, f.sent)
	})
}

// A question that another node puts is answered from here alone, so that none goes
// round in circles.
func TestAQuestionIsPassedOnOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		f.allOffer(request(1))
		assert.ElementsMatch(t, []string{"a POST b /peer/api/requests", "a POST c /peer/api/requests"}, f.said("/requests"))
	})
}

func answersOf(w http.ResponseWriter, status int, body string) bool {
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
	return true
}

// Who is slow, broken, or lies is left out, and that is said, without a URL.
func TestWhoDoesNotAnswerWellIsLeftOut(t *testing.T) {
	answers := func(status int, body string) func(f *field) {
		return func(f *field) {
			f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/requests") {
					return false
				}
				return answersOf(w, status, body)
			}
		}
	}
	for name, c := range map[string]struct {
		trouble func(f *field)
		want    string
	}{
		"slow":     {func(f *field) { f.slow["b"] = time.Hour }, "b is left out: it has not answered within 2s"},
		"dead":     {func(f *field) { f.cut["b"] = true }, "b is left out: it can't be reached at the moment"},
		"broken":   {answers(http.StatusSeeOther, "<html>"), "b is left out: its answer can't be read"},
		"refusing": {answers(http.StatusForbidden, `{"detail":"see https://b.example/why"}`), "b is left out: it answers 403: see (URL)"},
		"stopping": {answers(http.StatusServiceUnavailable, ""), "b is left out: it answers 503 Service Unavailable"},
		"endless":  {answers(http.StatusSeeOther, strings.Repeat(" ", 3<<20)), "b is left out: it answers with more than"},
		"garbled": {func(f *field) {
			f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/requests") {
					return false
				}
				f.serve(f.worlds["b"].Broker, "a", httptest.NewRecorder(), r)
				return answersOf(w, http.StatusSeeOther, "<html>")
			}
		}, "b is left out: its answer can't be read"},
		"NO but no": {answers(http.StatusSeeOther, `{"result":"NO"}`), "b is left out: a part of its answer has no UUID"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				f := newField(t, three)
				c.trouble(f)
				before := time.Now()
				set := f.worlds["a"].ask(alice, request(1))
				assert.LessOrEqual(t, time.Since(before), 2*time.Second)
				require.Equal(t, ivoa.Yes, set.Result)
				f.from(set, "a")
				f.from(set, "c")
				require.Len(t, set.Offers, 2)
				said := strings.Join(textsOfSet(set), "\n")
				assert.Contains(t, said, c.want)
				assert.NotContains(t, said, "://")
				f.set(func() { f.cut, f.slow = map[identity.NodeName]bool{}, map[identity.NodeName]time.Duration{} })
				time.Sleep(time.Minute)
				synctest.Wait()
				f.worlds["a"].nothingToTell()
				assert.EqualValues(t, 8, f.worlds["b"].freeCores(), "whatever it held is given back")
			})
		})
	}
}

// What a node offers to one that has hung up meanwhile, nobody will hear of: it is
// given back at once.
func TestWhatNobodyWaitsForIsGivenBack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		b := f.worlds["b"]
		asks := identity.Caller{User: "alice", Roles: alice.Roles, Via: []identity.NodeName{"a"}}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := b.Ask(hungUp{ctx, cancel, b}, asks, request(5), nil, Asking{For: identity.NewMint("a", 0).New(1)})
		require.ErrorIs(t, err, context.Canceled)
		assert.EqualValues(t, 8, b.freeCores())
	})
}

// hungUp ends as soon as a node holds something.
type hungUp struct {
	context.Context
	hangUp func()
	at     *world
}

func (h hungUp) Err() error {
	h.at.mu.Lock()
	defer h.at.mu.Unlock()
	if len(h.at.state.sets) > 0 {
		h.hangUp()
	}
	return h.Context.Err()
}

// An answer is read again at any time: how offers stand their owners say, and where
// one can't be reached what it had offered is shown.
func TestAnAnswerIsReadAgain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		read := func() *ivoa.OfferSet {
			setID, err := identity.ParseUUID(set.Meta.UUID)
			require.NoError(t, err)
			again, err := f.worlds["a"].OfferSet(context.Background(), alice, setID)
			require.NoError(t, err)
			require.Len(t, again.Offers, len(set.Offers))
			for i, s := range again.Offers {
				assert.Equal(t, set.Offers[i].UUID(), s.UUID(), "in the same order")
				assert.Equal(t, "/sessions/"+s.UUID(), s.Meta.URL)
				assert.Equal(t, []string{"true"}, s.Executable.(*ivoa.Process).Command)
				assert.Equal(t, ivoa.Exactly(2), s.Compute.(*ivoa.SimpleComputeResource).Cores)
				assert.Equal(t, set.Offers[i].Costs, s.Costs)
			}
			return again
		}
		assert.Equal(t, set, read())
		assert.Len(t, f.said("/offersets/"+f.worlds["b"].state.made[mustID(t, set.Meta.UUID)].String()), 1, "asked once for all of its offers")
		f.set(func() { f.cut["b"] = true })
		stale := f.from(read(), "b")
		assert.Equal(t, ivoa.SessionOffered, stale.Phase)
		assert.Contains(t, textsOf(stale)[len(textsOf(stale))-2], "b can't say how this offer stands: it can't be reached")
		_, err := f.worlds["c"].update(alice, f.from(set, "c"), ivoa.SessionAccepted)
		require.NoError(t, err)
		time.Sleep(time.Second)
		now := read()
		assert.Equal(t, ivoa.SessionWaiting, f.from(now, "c").Phase)
		assert.Equal(t, ivoa.SessionRejected, f.from(now, "a").Phase)
		time.Sleep(time.Hour)
		assert.Equal(t, ivoa.SessionExpired, f.from(read(), "b").Phase)
		f.worlds["a"].crash()
		f.from(read(), "c")
	})
}

func mustID(t testing.TB, text string) identity.UUID {
	t.Helper()
	id, err := identity.ParseUUID(text)
	require.NoError(t, err)
	return id
}

// Promise 8: another's answer is nobody's business, and neither are the offers of
// other nodes that are in it.
func TestPromise8AnAnswerIsItsOwners(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		setID, err := identity.ParseUUID(set.Meta.UUID)
		require.NoError(t, err)
		mallory := identity.Caller{User: "mallory", Roles: alice.Roles}
		_, err = f.worlds["a"].OfferSet(context.Background(), mallory, setID)
		assert.Equal(t, CodeNotFound, codeOf(err))
		end := f.worlds["a"].options.Network
		ofB := id(t, f.from(set, "b"))
		_, _, err = end.Accept(context.Background(), mallory, "b", ofB, "k")
		require.Error(t, err)
		_, err = end.Offers(context.Background(), mallory, "b", f.worlds["b"].state.made[setID])
		require.Error(t, err)
		assert.Equal(t, ivoa.SessionOffered, f.phase(f.from(set, "b")))

		// And nobody but a node asks for an offer set, and that for one of its own.
		for _, via := range [][]identity.NodeName{nil, {"c"}} {
			_, err = f.worlds["b"].Ask(context.Background(), identity.Caller{User: "mallory", Roles: alice.Roles, Via: via}, request(1), nil, Asking{For: setID})
			assert.Equal(t, CodeInvalid, codeOf(err))
		}
	})
}

// Storage that one node keeps is used again there, and nowhere else.
func TestStorageIsUsedAgainWhereItIs(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		kept := identity.NewMint("b", 0).New(1)
		set := f.worlds["a"].ask(alice, request(1, func(r *ivoa.ExecutionRequest) {
			s := &ivoa.SimpleStorageResource{}
			s.Kind, s.NeedMeta().UUID = ivoa.KindSimpleStorage, kept.String()
			r.Storage = append(r.Storage, s)
		}))
		assert.Equal(t, ivoa.No, set.Result, "b doesn't know it")
		assert.Equal(t, []string{"a POST b /peer/api/requests"}, f.said("/requests"))
		said := strings.Join(textsOfSet(set), "\n")
		assert.Contains(t, said, "a doesn't have the storage")
		assert.Contains(t, said, "c: not asked: it doesn't have the storage")
		assert.Contains(t, said, "b offers nothing")
	})
}

// A direct request takes the best offer wherever it is, and once for each key.
func TestADirectRequestTakesTheBestWhereverItIs(t *testing.T) {
	direct := func(f *field, key string) (*ivoa.Session, error) {
		return f.worlds["a"].Direct(context.Background(), alice, request(8), nil, key, Asking{})
	}
	full := func(f *field, names ...identity.NodeName) {
		for _, name := range names {
			f.worlds[name].fill("PT1H")
		}
	}
	t.Run("and the same key again is the same session", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			f := newField(t, three)
			full(f, "a", "c")
			for range 2 {
				s, err := direct(f, "k")
				require.NoError(t, err)
				assert.Equal(t, ivoa.SessionAccepted, s.Phase)
				assert.Equal(t, "/sessions/"+s.UUID(), s.Meta.URL)
				assert.EqualValues(t, "b", f.ownerOf(s).options.Name)
			}
			synctest.Wait()
			assert.Len(t, f.said("/requests"), 2)
			f.worlds["a"].crash()
			again, err := direct(f, "k")
			require.NoError(t, err)
			assert.EqualValues(t, "b", f.ownerOf(again).options.Name)
		})
	})
	t.Run("tried until its node answers", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			f := newField(t, three)
			full(f, "a", "c")
			f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/sessions/") {
					f.set(func() { delete(f.lies, "b") })
					w.WriteHeader(http.StatusBadGateway)
					return true
				}
				return false
			}
			s, err := direct(f, "")
			require.NoError(t, err)
			assert.EqualValues(t, "b", f.ownerOf(s).options.Name)
		})
	})
	t.Run("and where it never does, nobody knows yet", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			f := newField(t, three)
			full(f, "a", "c")
			f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/sessions/") {
					w.WriteHeader(http.StatusBadGateway)
					return true
				}
				return false
			}
			_, err := direct(f, "k")
			require.Equal(t, CodeUnavailable, codeOf(err))
			assert.ErrorContains(t, err, "it isn't known whether")
			f.set(func() { delete(f.lies, "b") })
			s, err := direct(f, "k")
			require.NoError(t, err)
			assert.EqualValues(t, "b", f.ownerOf(s).options.Name)
		})
	})
	t.Run("and where it is gone, the next", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			f := newField(t, three)
			full(f, "a", "c")
			f.lies["b"] = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/sessions/") {
					w.WriteHeader(http.StatusNotFound)
					return true
				}
				return false
			}
			s, err := direct(f, "k")
			require.NoError(t, err)
			owner := f.ownerOf(s)
			assert.NotEqualValues(t, "b", owner.options.Name)
			f.set(func() { delete(f.lies, "b") })
			again, err := direct(f, "k")
			require.NoError(t, err)
			assert.Equal(t, s.UUID(), again.UUID(), "the key is of the one that was taken")
		})
	})
}

// A session that another node's question was answered with runs as any other.
func TestWhatAnotherNodeAskedForRunsHere(t *testing.T) {
	inTime(t, func(t *testing.T) {
		f := newField(t, three)
		set := f.allOffer(request(2))
		b := f.worlds["b"]
		_, err := b.update(alice, f.from(set, "b"), ivoa.SessionAccepted)
		require.NoError(t, err)
		d := b.takeWork()
		_, err = b.report(d, despatch.ActionStarted, "run")
		require.NoError(t, err)
		_, err = b.complete(d, completion(d, despatch.Completed))
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionCompleted, f.phase(f.from(set, "b")))
	})
}
