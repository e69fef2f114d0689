package membership

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func drawNews(t *rapid.T) news {
	return news{
		name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
		age:  time.Duration(rapid.IntRange(0, 3).Draw(t, "age")) * time.Second,
		record: record{
			start:    rapid.Uint64Range(1, 3).Draw(t, "start"),
			sequence: rapid.Uint64Range(1, 3).Draw(t, "sequence"),
			left:     rapid.Bool().Draw(t, "left"),
			note:     rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "note"),
		},
	}
}

// newWorldOfThree is a roster that knows three names.
func rosterOfThree() *roster {
	r := newRoster("a")
	for _, name := range []string{"a", "b", "c"} {
		r.alive(Self{Name: name}, "127.0.0.1:1", epoch)
	}
	return r
}

func merged(all []news) *roster {
	r := rosterOfThree()
	for _, n := range all {
		r.merge(n, epoch)
	}
	return r
}

// What is merged in any order, and any of it again, is the same: merging is
// commutative, associative and idempotent.
func TestMergingKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(drawNews), 0, 8).Draw(t, "news")
		again := slices.Concat(all, rapid.SliceOfN(rapid.SampledFrom(append(all, news{})), 0, 4).Draw(t, "again"))
		shuffled := rapid.Permutation(again).Draw(t, "order")
		if one, other := merged(all), merged(shuffled); !reflect.DeepEqual(one.members(epoch, true), other.members(epoch, true)) {
			t.Fatalf("%+v\n%+v", one.members(epoch, true), other.members(epoch, true))
		}
	})
}

// Two nodes that exchange all they know, whatever each heard before, know the
// same; a second exchange changes nothing.
func TestAnExchangeMakesTwoEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := merged(rapid.SliceOfN(rapid.Custom(drawNews), 0, 8).Draw(t, "one"))
		other := merged(rapid.SliceOfN(rapid.Custom(drawNews), 0, 8).Draw(t, "other"))
		exchange := func() (fresh bool) {
			ours, err := decodeState(encodeState(one.news(epoch)))
			require.NoError(t, err)
			theirs, err := decodeState(encodeState(other.news(epoch)))
			require.NoError(t, err)
			for _, n := range ours {
				fresh = other.merge(n, epoch) || fresh
			}
			for _, n := range theirs {
				fresh = one.merge(n, epoch) || fresh
			}
			return fresh
		}
		exchange()
		if !assert.ObjectsAreEqual(one.members(epoch, true), other.members(epoch, true)) {
			t.Fatalf("%+v\n%+v", one.members(epoch, true), other.members(epoch, true))
		}
		if exchange() {
			t.Fatal("the second exchange was news")
		}
	})
}

// compare is a total order.
func TestRecordsAreOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawNews(t).record, drawNews(t).record, drawNews(t).record
		if a.compare(b) != -b.compare(a) {
			t.Fatal("not antisymmetric")
		}
		if a.compare(b) <= 0 && b.compare(c) <= 0 && a.compare(c) > 0 {
			t.Fatal("not transitive")
		}
	})
}

func TestRecordsOfNamesThatNobodyKnowsAreNotKept(t *testing.T) {
	r := rosterOfThree()
	assert.False(t, r.merge(news{name: "x", record: record{start: 1}}, epoch))
	assert.Len(t, r.entries, 3)
}

func TestARosterIsBounded(t *testing.T) {
	r := newRoster("own")
	for i := range mostMembers {
		name := fmt.Sprint("n", i)
		require.NoError(t, r.admit(name))
		r.alive(Self{Name: name}, "127.0.0.1:1", epoch)
	}
	assert.ErrorIs(t, r.admit("one-more"), errTooMany)
	assert.NoError(t, r.admit("n0"), "known already")
	r.gone("n0", epoch)
	known, err := r.forget("n0")
	require.NoError(t, err)
	assert.True(t, known)
	assert.NoError(t, r.admit("one-more"))
}

func TestWhoIsLongGoneIsRememberedAndNotListed(t *testing.T) {
	r := rosterOfThree()
	r.gone("b", epoch)
	assert.Len(t, r.members(epoch.Add(forgetful-time.Second), false), 3)
	assert.Len(t, r.members(epoch.Add(forgetful), false), 2)
	assert.Len(t, r.members(epoch.Add(1000*forgetful), true), 3)
}

// A member's state follows its life, in whatever order its leave and its silence
// are heard of.
func TestStates(t *testing.T) {
	for name, c := range map[string]struct {
		steps func(*roster)
		want  State
	}{
		"there":            {func(*roster) {}, Alive},
		"silent":           {func(r *roster) { r.gone("b", epoch) }, Dead},
		"leaving":          {func(r *roster) { r.merge(leave(1), epoch) }, Left},
		"left, silent":     {func(r *roster) { r.merge(leave(1), epoch); r.gone("b", epoch) }, Left},
		"silent, left":     {func(r *roster) { r.gone("b", epoch); r.merge(leave(1), epoch) }, Left},
		"back":             {func(r *roster) { r.merge(leave(1), epoch); r.gone("b", epoch); r.back(2) }, Alive},
		"back, leave late": {func(r *roster) { r.gone("b", epoch); r.back(2); r.merge(leave(1), epoch) }, Alive},
		"remembered":       {func(r *roster) { r.entries["b"].alive, r.entries["b"].left = false, true }, Left},
		"remembered, back": {func(r *roster) { r.entries["b"].alive, r.entries["b"].left = false, true; r.back(2) }, Alive},
	} {
		t.Run(name, func(t *testing.T) {
			r := rosterOfThree()
			c.steps(r)
			assert.Equal(t, c.want, r.entries["b"].state())
			assert.Equal(t, 1, r.count()[c.want]-map[State]int{Alive: 2}[c.want])
		})
	}
}

func leave(start uint64) news {
	return news{name: "b", record: record{start: start, sequence: 9, left: true}}
}

func (r *roster) back(start uint64) {
	r.alive(Self{Name: "b"}, "127.0.0.1:1", epoch)
	r.merge(news{name: "b", record: record{start: start, sequence: 1}}, epoch)
}

func TestWhoLeftIsRememberedToHaveLeft(t *testing.T) {
	r := rosterOfThree()
	r.merge(leave(1), epoch)
	r.gone("b", epoch)
	later := newRoster("a")
	later.entry("a")
	for _, p := range r.peers(epoch) {
		later.remember(p, epoch.Add(time.Hour))
	}
	assert.Equal(t, Left, later.entries["b"].state())
	assert.Equal(t, Dead, later.entries["c"].state())
	assert.Equal(t, epoch, later.members(epoch.Add(time.Hour), true)[2].Seen)

	t.Run("by a clock that was set back, too", func(t *testing.T) {
		later := newRoster("a")
		for _, p := range r.peers(epoch) {
			later.remember(p, epoch.Add(-time.Hour))
		}
		assert.Equal(t, epoch.Add(-time.Hour), later.entries["b"].since)
	})
}
