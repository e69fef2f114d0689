package membership

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (w *world) hears(m *Membership, name, note string) {
	w.t.Helper()
	w.until(m, fmt.Sprintf("%s hears %s of %s", m.self.Name, note, name), func() bool { return string(find(m, name).Note) == note })
}

func TestNotesReachAll(t *testing.T) {
	w := newWorld(t)
	all := w.federation(5)
	for i, m := range all {
		require.NoError(t, m.Announce(fmt.Append(nil, "note of ", i)))
	}
	for _, m := range all {
		for i, other := range all {
			w.hears(m, other.self.Name, fmt.Sprint("note of ", i))
		}
	}
	age := find(all[0], "n1").NoteAge
	assert.True(t, age > 0 && age < patience, "%s", age)
}

// The largest note, with the longest names around it, encrypted, fits into a
// packet: else memberlist would never send it, and not say so.
func TestTheLargestNoteIsSent(t *testing.T) {
	w := newWorld(t)
	long := func(letter string) Options {
		o := w.options(strings.Repeat(letter, 63))
		o.Self.Federation = strings.Repeat("f", mostFederation)
		o.Self.URL = "https://" + strings.Repeat("u", mostURL-8)
		o.Profile.PushPull = time.Hour // packets alone
		return o
	}
	a := w.start(long("a"))
	o := long("b")
	o.Self.Federation, o.Join = "", []string{a.Addr()}
	b := w.start(o)
	note := strings.Repeat("n", MaxNote)
	require.NoError(t, a.Announce([]byte(note)))
	w.hears(b, a.self.Name, note)
	assert.Error(t, a.Announce(make([]byte, MaxNote+1)))
}

func TestAnOlderNoteNeverWins(t *testing.T) {
	w := newWorld(t)
	all := w.federation(3)
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range 100 {
			assert.NoError(t, all[0].Announce(fmt.Append(nil, i)))
			time.Sleep(time.Millisecond)
		}
	})
	seen, deadline := -1, time.After(patience)
	for seen < 99 {
		changed := all[2].Changed()
		if note := find(all[2], "n0").Note; len(note) > 0 {
			var now int
			_, err := fmt.Sscan(string(note), &now)
			require.NoError(t, err)
			require.GreaterOrEqual(t, now, seen)
			seen = now
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(t, "the last note never came", seen)
		case <-time.After(time.Second):
		}
	}
	wait.Wait()
}

func TestNotesAreToldAtMostAsOftenAsTheProfileSays(t *testing.T) {
	w := newWorld(t)
	o := w.options("a")
	o.Profile.Announce = time.Hour
	m := w.start(o)
	require.NoError(t, m.Announce([]byte("first")))
	require.NoError(t, m.Announce([]byte("second")))
	time.Sleep(20 * time.Millisecond) // nothing to wait for: it must not come
	assert.Empty(t, m.Members()[0].Note)

	o = w.options("b")
	m = w.start(o)
	require.NoError(t, m.Announce([]byte("same")))
	w.hears(m, "b", "same")
	before := m.sequence()
	require.NoError(t, m.Announce([]byte("same")))
	time.Sleep(3 * o.Profile.Announce) // again, it must not come
	require.NoError(t, m.Announce([]byte("other")))
	w.hears(m, "b", "other")
	assert.Equal(t, before+1, m.sequence(), "what was told already is not told again")
}

func (m *Membership) sequence() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.voice.sequence
}

// Also with a clock that was set back, and even if the file that knows of its
// earlier lives is gone.
func TestTheNoteOfARestartedNodeWins(t *testing.T) {
	for name, keep := range map[string]bool{"with its file": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			all := w.federation(2)
			require.NoError(t, all[1].Announce([]byte("before")))
			w.hears(all[0], "n1", "before")
			require.NoError(t, all[1].Close())
			w.sees(all[0], "n1", Dead)

			o := w.newcomer("n1", all[0])
			o.Now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
			if !keep {
				o.File = ""
			}
			again := w.start(o)
			require.NoError(t, again.Announce([]byte("after")))
			w.hears(all[0], "n1", "after")
			w.hears(again, "n1", "after")
		})
	}
}

func TestANewcomerLearnsAllNotesAtOnce(t *testing.T) {
	w := newWorld(t)
	all := w.federation(2)
	for _, m := range all {
		require.NoError(t, m.Announce([]byte("of "+m.self.Name)))
	}
	w.hears(all[0], "n1", "of n1")
	w.hears(all[0], "n0", "of n0")
	late := w.start(w.newcomer("late", all[0]))
	assert.Equal(t, "of n0", string(find(late, "n0").Note))
	assert.Equal(t, "of n1", string(find(late, "n1").Note))
}

// A note is passed on by those who hear it, to those who can't hear its author, often
// enough, without comparing.
func TestNotesArePassedOn(t *testing.T) {
	w := newWorld(t)
	w.profile.PushPull, w.profile.Youth = time.Hour, time.Nanosecond
	all := w.federation(3)
	w.part(all[:1], all[2:], true)
	for deadline := time.Now().Add(patience); !strings.HasPrefix(string(find(all[2], "n0").Note), "by way of n1"); {
		require.True(t, time.Now().Before(deadline), "none of the notes came")
		changed := all[2].Changed()
		require.NoError(t, all[0].Announce(fmt.Append(nil, "by way of n1, at ", time.Now())))
		select {
		case <-changed:
		case <-time.After(4 * w.profile.Announce):
		}
	}
}

// The first note is often told before all know that there is such a node.
func TestTheFirstNoteOfANewcomerReachesAll(t *testing.T) {
	w := newWorld(t)
	w.profile.PushPull, w.profile.Youth = time.Hour, time.Hour
	all := w.federation(2)
	for i := range 8 {
		m := w.start(w.newcomer(fmt.Sprint("late", i), all[0]))
		require.NoError(t, m.Announce([]byte("first")))
		all = append(all, m)
	}
	for _, m := range all {
		for _, other := range all[2:] {
			w.hears(m, other.self.Name, "first")
		}
	}
}

// A node tells all others itself, and at most once again; half of those who hear it pass
// it on to one other.
func TestANoteIsNotSentMoreOftenThanNeeded(t *testing.T) {
	w := newWorld(t)
	w.profile.PushPull, w.profile.Youth = time.Hour, time.Nanosecond
	var registries []*prometheus.Registry
	all := []*Membership{}
	for i := range 5 {
		o := w.newcomer(fmt.Sprint("n", i))
		if i == 0 {
			o = w.options("n0")
		} else {
			o.Join = []string{all[0].Addr()}
		}
		registries = append(registries, prometheus.NewRegistry())
		o.Registerer = registries[i]
		all = append(all, w.start(o))
	}
	w.together(all...)
	w.quiet(registries)
	before := sentPackets(t, registries)
	const notes = 20
	for i := range notes {
		note := bytes.Repeat([]byte{byte('a' + i)}, MaxNote)
		require.NoError(t, all[0].Announce(note))
		for _, m := range all[1:] {
			w.hears(m, "n0", string(note))
		}
	}
	w.quiet(registries)
	sent := sentPackets(t, registries) - before
	assert.Less(t, sent, 3.0*notes*4*MaxNote)
}

// quiet waits until nothing is to be passed on: what is sent then is probes.
func (w *world) quiet(registries []*prometheus.Registry) {
	w.t.Helper()
	last := sentPackets(w.t, registries)
	for until := time.Now().Add(patience); time.Now().Before(until); {
		time.Sleep(200 * time.Millisecond)
		now := sentPackets(w.t, registries)
		if now-last < MaxNote {
			return
		}
		last = now
	}
	w.t.Fatal("it never becomes quiet")
}

func sentPackets(t *testing.T, registries []*prometheus.Registry) (n float64) {
	for _, r := range registries {
		families, err := r.Gather()
		require.NoError(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "starling_gossip_bytes_total" && m.GetLabel()[0].GetValue() == "packet" && m.GetLabel()[1].GetValue() == "sent" {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// Without any packets, as where a firewall lets TCP through alone, members stay
// alive and notes arrive by the comparisons.
func TestGossipWorksWithoutUDP(t *testing.T) {
	w := newWorld(t)
	w.deaf = true
	all := w.federation(3)
	require.NoError(t, all[0].Announce(bytes.Repeat([]byte("n"), 10)))
	w.hears(all[1], "n0", "nnnnnnnnnn")
	w.hears(all[2], "n0", "nnnnnnnnnn")
	w.together(all...)
}
