package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/digest"
	"starling/federation/identity"
	"starling/federation/line"
	"starling/federation/membership"
	"starling/scheduling"
)

// teller is how a node is, as a test says.
type teller struct {
	mu   sync.Mutex
	fast digest.Fast
	slow digest.Slow
}

func (s *site) tells(edit func(*digest.Fast, *digest.Slow)) {
	s.teller.mu.Lock()
	defer s.teller.mu.Unlock()
	edit(&s.teller.fast, &s.teller.slow)
}

func (s *site) describes() {
	s.cluster.Describe(func() (digest.Fast, digest.Slow) {
		s.teller.mu.Lock()
		defer s.teller.mu.Unlock()
		return s.teller.fast, s.teller.slow
	})
}

// known is another node, as this one knows it.
func (s *site) known(name string) digest.Known {
	for _, k := range s.cluster.Known() {
		if k.Node == identity.NodeName(name) {
			return k
		}
	}
	return digest.Known{}
}

func eight(free int64) func(*digest.Fast, *digest.Slow) {
	return func(f *digest.Fast, s *digest.Slow) {
		*f = digest.Fast{
			Capacity: scheduling.Resources{Cores: 8, Memory: 16}, Free: scheduling.Resources{Cores: free}, Largest: scheduling.Resources{Cores: 8, Memory: 16},
			Queue: 3, Running: 2, Executors: 1, Profile: []digest.Point{{Free: scheduling.Resources{Cores: free}}, {After: scheduling.Hour, Free: scheduling.Resources{Cores: 8}}},
		}
		s.Kinds = []string{"urn:kind"}
	}
}

func TestNodesKnowWhatOthersHaveToGive(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	assert.False(t, a.known("b").Said, "it has said nothing yet")
	b.tells(eight(5))
	b.describes()
	a.eventually("what b has", func() bool { k := a.known("b"); return k.Said && k.Slow != nil })
	k := a.known("b")
	want := digest.Fast{}
	eight(5)(&want, &digest.Slow{})
	want.Slow = k.Fast.Slow
	assert.Equal(t, want, k.Fast)
	assert.Equal(t, []string{"urn:kind"}, k.Slow.Kinds)
	assert.NotNil(t, k.Transfers, "how data come to it is worked out once, not for each question")
	assert.True(t, k.Alive)
	assert.Less(t, k.Age, time.Minute)
	own := b.known("b")
	assert.True(t, own.Self)
	assert.Equal(t, want.Profile, own.Fast.Profile)

	b.tells(eight(0))
	a.eventually("that b is full", func() bool { return a.known("b").Fast.Free.IsZero() })
	assert.NotNil(t, a.known("b").Slow, "which is still the same")
	b.tells(func(_ *digest.Fast, s *digest.Slow) { s.Kinds = append(s.Kinds, "urn:other") })
	a.eventually("another kind at b", func() bool { return len(a.known("b").Slow.Kinds) == 2 })
	b.down()
	a.eventually("b to be dead", func() bool { return !a.known("b").Alive })
	assert.True(t, a.known("b").Said, "what it said last is still known")
	b.up()
	a.eventually("b to be back, and what it has", func() bool { return a.known("b").Alive })
}

// The note fits into gossip's packets, however much a node has to say.
func TestANoteAlwaysFits(t *testing.T) {
	huge := int64(1) << 48
	n := note{
		Applied: math.MaxUint64, Commit: math.MaxUint64, Term: math.MaxUint64, Role: strings.Repeat("r", 16), Depth: math.MaxInt, Oldest: -math.MaxFloat64,
		Clock: math.MinInt64, Public: strings.Repeat("p", 64), Keys: strings.Repeat("k", mostKeys), Certificate: strings.Repeat("f", shownFingerprint),
	}
	d := &described{fast: digest.Fast{
		Capacity: scheduling.Resources{Cores: huge, Memory: huge, Storage: huge, GPUs: huge}, Queue: math.MaxInt32, Running: math.MaxInt32, Executors: math.MaxInt32,
	}}
	d.fast.Free, d.fast.Largest = d.fast.Capacity, d.fast.Capacity
	for i := range scheduling.Span(digest.MaxPoints) {
		free := d.fast.Capacity
		if i%2 == 0 {
			free = scheduling.Resources{}
		}
		d.fast.Profile = append(d.fast.Profile, digest.Point{After: i * 80_000 * scheduling.Second, Free: free})
	}
	data := n.with(d).bytes()
	assert.LessOrEqual(t, len(data), membership.MaxNote)
	var read note
	require.NoError(t, json.Unmarshal(data, &read))
	fast, said := read.fast()
	require.True(t, said)
	assert.NotEmpty(t, fast.Profile, "there is room for some of it")

	d.fast.Profile = []digest.Point{{Free: scheduling.Resources{Cores: 4}}}
	fast, said = note{Role: "leader"}.with(d).fast()
	assert.True(t, said)
	assert.Equal(t, d.fast, fast, "nothing is left out where there is room")
}

func TestWhatADigestSaysMustMakeSense(t *testing.T) {
	for _, text := range []string{"", "!", "AA", strings.Repeat("A", 900)} {
		_, said := note{Digest: text}.fast()
		assert.False(t, said, text)
	}
}

func FuzzNote(f *testing.F) {
	f.Add(note{Role: "leader"}.with(&described{}).bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, said := readNote(data); said {
			n.fast()
			n.keys()
		}
	})
}

// Newcomers are told nothing but who leads.
func TestOnlyMembersAreShownTheSlowPart(t *testing.T) {
	a := newSite(t, "a").up()
	b := newSite(t, "b", a).up()
	_, err := b.cluster.fetchSlow(context.Background(), "a", digest.Hash{1})
	require.ErrorContains(t, err, "503", "it has not been asked yet how it is")
	_, err = b.cluster.fetchSlow(context.Background(), "a", digest.Hash{})
	require.NoError(t, err, "but it is a")
	a.tells(eight(5))
	a.describes()
	var slow *digest.Slow
	b.eventually("the slow part", func() bool { slow = b.known("a").Slow; return slow != nil })
	_, err = b.cluster.fetchSlow(context.Background(), "a", digest.Hash{1})
	assert.ErrorContains(t, err, "its hash is", "nothing else is taken for it")
	newcomer := httptest.NewRequest("GET", slowPath, nil)
	refused := httptest.NewRecorder()
	a.cluster.showSlow(refused, newcomer.WithContext(line.WithPeer(newcomer.Context(), line.Peer{Node: "c", Newcomer: true})))
	assert.Equal(t, http.StatusForbidden, refused.Code)
	answer, err := b.cluster.peers.Post("http://a"+slowPath, "text/plain", nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	_, _ = io.Copy(io.Discard, answer.Body)
	require.NoError(t, answer.Body.Close())
}

// A shelf is slows with nodes that answer as a test says.
type shelf struct {
	slows
	running sync.WaitGroup
	list    []acquaintance
	time    time.Time

	counting sync.Mutex
	asked    map[identity.NodeName]int
	atOnce   int
	answer   func(node identity.NodeName, hash digest.Hash) (*digest.Slow, error)
}

func newShelf(nodes ...identity.NodeName) *shelf {
	s := &shelf{time: time.Now(), asked: map[identity.NodeName]int{}}
	s.slows = slows{
		now:     func() time.Time { return s.time },
		running: &s.running, done: make(chan struct{}, 1), told: func(identity.NodeName, error, int) {},
		fetch: func(_ context.Context, node identity.NodeName, hash digest.Hash) (*digest.Slow, error) {
			s.counting.Lock()
			s.asked[node]++
			s.counting.Unlock()
			return s.answer(node, hash)
		},
	}
	for _, n := range nodes {
		s.list = append(s.list, acquaintance{Known: digest.Known{Node: n, Alive: true, Said: true, Fast: digest.Fast{Slow: digest.Hash{1}}}})
	}
	return s
}

// step looks once, and waits for what was begun.
func (s *shelf) step() time.Duration {
	next := s.look(context.Background(), s.list)
	s.running.Wait()
	return next
}

func TestASlowPartIsFetchedOnce(t *testing.T) {
	s := newShelf("b", "c", "d", "e", "f")
	s.list[1].Alive = false
	s.list[2].Said, s.list[2].Fast = false, digest.Fast{}
	s.list[3].Self = true
	s.answer = func(_ identity.NodeName, hash digest.Hash) (*digest.Slow, error) {
		return &digest.Slow{MaxDuration: float64(hash[0])}, nil
	}
	for range 5 {
		s.step()
	}
	assert.Equal(t, map[identity.NodeName]int{"b": 1, "d": 1, "f": 1}, s.asked, "who is dead, or is this node, is not asked; who says nothing is asked who it is")
	assert.Equal(t, 1.0, s.list[0].Slow.MaxDuration)
	s.list[0].Fast.Slow = digest.Hash{2}
	s.step()
	s.step()
	assert.Equal(t, 2.0, s.list[0].Slow.MaxDuration)
	assert.Equal(t, 2, s.asked["b"])
	s.list = s.list[1:]
	s.step()
	assert.NotContains(t, s.of, identity.NodeName("b"), "who is forgotten is forgotten")
}

func TestANodeThatDoesNotAnswerIsAskedLessAndLess(t *testing.T) {
	s := newShelf("b")
	s.answer = func(identity.NodeName, digest.Hash) (*digest.Slow, error) { return nil, errors.New("busy") }
	for _, hash := range []digest.Hash{{1}, {}} {
		s.list[0].Fast.Slow, s.asked = hash, map[identity.NodeName]int{}
		for range 6000 { // ten minutes
			s.step()
			s.time = s.time.Add(time.Second / 10)
		}
		assert.InDelta(t, 15, s.asked["b"], 4)
	}
	assert.LessOrEqual(t, s.step(), slowPauseMost)
	before := s.asked["b"]
	s.list[0].Fast.Slow = digest.Hash{2}
	s.step()
	assert.Equal(t, before+1, s.asked["b"], "with something new it is asked at once")
}

// What was told before what is known now doesn't take its place, whoever is slower.
func TestAnOlderSlowPartNeverWins(t *testing.T) {
	s := newShelf("b")
	gate := make(chan struct{})
	s.answer = func(_ identity.NodeName, hash digest.Hash) (*digest.Slow, error) {
		if hash == (digest.Hash{1}) {
			<-gate
		}
		return &digest.Slow{MaxDuration: float64(hash[0])}, nil
	}
	s.look(context.Background(), s.list)
	s.list[0].Fast.Slow = digest.Hash{2}
	s.look(context.Background(), s.list)
	s.look(context.Background(), s.list)
	close(gate)
	s.running.Wait()
	for range 3 {
		s.step()
	}
	assert.Equal(t, 2.0, s.list[0].Slow.MaxDuration)
	assert.Equal(t, 2, s.asked["b"], "one at a time")
}

func TestFewSlowPartsAreFetchedAtATime(t *testing.T) {
	var names []identity.NodeName
	for range 100 {
		names = append(names, identity.NodeName("n"+strings.Repeat("x", len(names)%50)+string(rune('a'+len(names)/50))))
	}
	s := newShelf(names...)
	gate := make(chan struct{})
	s.answer = func(identity.NodeName, digest.Hash) (*digest.Slow, error) {
		<-gate
		return &digest.Slow{}, nil
	}
	s.look(context.Background(), s.list)
	s.look(context.Background(), s.list)
	s.mu.Lock()
	assert.Equal(t, slowAtOnce, s.busy)
	s.mu.Unlock()
	close(gate)
	for range 100 {
		s.step()
	}
	assert.Len(t, s.asked, 100)
}

// BenchmarkKnown is what each request pays for knowing all nodes, and what a node takes
// of the memory in the table.
func BenchmarkKnown(b *testing.B) {
	for _, nodes := range []int{15, 1000} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			c := &Cluster{now: time.Now}
			heap := allocated()
			list := make([]acquaintance, nodes)
			for i := range list {
				d := &described{}
				eight(int64(i%8))(&d.fast, &d.slow)
				for range digest.MaxPoints - len(d.fast.Profile) {
					last := d.fast.Profile[len(d.fast.Profile)-1]
					d.fast.Profile = append(d.fast.Profile, digest.Point{After: last.After + scheduling.Minute, Free: scheduling.Resources{Cores: int64(i % 8)}})
				}
				for range 20 {
					d.slow.Kinds = append(d.slow.Kinds, strings.Clone(strings.Repeat("k", 70)))
				}
				text, hash := d.slow.Encode()
				slow, err := digest.DecodeSlow(text, hash)
				require.NoError(b, err)
				n := note{Role: "follower"}.with(d)
				fast, _ := n.fast()
				list[i] = acquaintance{Known: digest.Known{Node: identity.NodeName(fmt.Sprint("n", i)), Fast: fast, Slow: slow}, note: n.bytes()}
			}
			c.acquaintances.Store(&list)
			each := float64(allocated()-heap) / float64(nodes)
			b.ReportAllocs()
			for b.Loop() {
				c.Known()
			}
			b.ReportMetric(each, "B/node")
		})
	}
}

func allocated() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
