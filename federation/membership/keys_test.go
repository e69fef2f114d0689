package membership

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Promise 6 holds while keys are exchanged, too: in three rounds, one node after
// the other, with gossip going on all the time, nobody is lost for a moment and
// every note arrives; and the old key is good for nothing then.
func TestPromise6AKeyIsExchangedInThreeRoundsAndNobodyIsLost(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	first := w.options("n0")
	first.Registerer = registry
	all := []*Membership{w.start(first)}
	for i := 1; i < 3; i++ {
		all = append(all, w.start(w.newcomer(fmt.Sprint("n", i), all[0])))
	}
	w.together(all...)
	lost := watch(all)

	next := bytes.Repeat([]byte{9}, 32)
	before, after := all[0].Keys()[0], ""
	for round, keys := range [][][]byte{{key, next}, {next, key}, {next}} {
		for _, m := range all {
			require.NoError(t, m.Rekey(keys))
			for _, speaker := range all { // whoever has taken the step understands who hasn't, and the other way round
				note := fmt.Sprint("round ", round, " ", m.self.Name, " ", speaker.self.Name)
				require.NoError(t, speaker.Announce([]byte(note)))
				for _, listener := range all {
					w.until(listener, note, func() bool { return string(find(listener, speaker.self.Name).Note) == note })
				}
			}
		}
		for _, m := range all {
			assert.Len(t, m.Keys(), len(keys))
			after = m.Keys()[0]
		}
	}
	assert.Empty(t, lost(), "nobody was seen to be gone")
	assert.NotEqual(t, before, after)
	assert.Zero(t, refusals(t, registry, "keys"))

	t.Run("who has the old key is refused", func(t *testing.T) {
		o := w.newcomer("thief", all[0])
		o.Profile.Patience = 300 * time.Millisecond
		m, err := w.tryStart(o)
		if m != nil {
			_ = m.Close()
		}
		require.ErrorIs(t, err, ErrKeys)
		assert.Empty(t, find(all[0], "thief").Name)
	})
}

// watch notes whoever is seen as gone by anybody, until it is asked.
func watch(all []*Membership) (lost func() []string) {
	var mu sync.Mutex
	var seen []string
	var watchers sync.WaitGroup
	done := make(chan struct{})
	for _, m := range all {
		watchers.Go(func() {
			for {
				changed := m.Changed()
				for _, other := range m.Members() {
					if other.State != Alive {
						mu.Lock()
						seen = append(seen, m.self.Name+" lost "+other.Name)
						mu.Unlock()
					}
				}
				select {
				case <-changed:
				case <-done:
					return
				}
			}
		})
	}
	return func() []string {
		close(done)
		watchers.Wait()
		return seen
	}
}

func TestKeysAreExchangedWhateverTheirOrder(t *testing.T) {
	w := newWorld(t)
	a, b, c := key, bytes.Repeat([]byte{8}, 32), bytes.Repeat([]byte{9}, 32)
	o := w.options("a")
	o.Keys = [][]byte{a, b, c}
	m := w.start(o)
	for _, keys := range [][][]byte{{a, c}, {c, b}, {b}, {a, b, c}, {c, b, a}, {b, b}, {a}} {
		require.NoError(t, m.Rekey(keys))
		have := m.keyring.GetKeys()
		assert.Equal(t, keys[0], have[0], "the first encrypts")
		assert.Subset(t, have, keys)
		assert.Subset(t, keys, have)
	}
	assert.Error(t, m.Rekey(nil), "never without")
	assert.Error(t, m.Rekey([][]byte{[]byte("short")}))
	assert.Equal(t, a, m.keyring.GetKeys()[0])

	o = w.options("b")
	o.Keys = nil
	assert.ErrorContains(t, w.start(o).Rekey([][]byte{a}), "start it again with them")
}
