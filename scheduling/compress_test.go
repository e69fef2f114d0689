package scheduling

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Compression on a busy pool moves exactly what lifting and replacing every booking would move, to the same place.
func TestCompressDoesWhatTheTextbookDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		line := idle(t, 8, 8)
		line.free.size, line.free.patience = 4, 0
		line.Prune(0)
		m := model{capacity: line.Capacity(), groups: map[EntryID][]Alternative{}}
		now := Instant(0)
		for i := range 40 {
			now += Instant(random.Int64N(2))
			b := Booking{ID: EntryID{byte(i)}, NotBefore: now + Instant(random.Int64N(9)/8*random.Int64N(20)), Movable: random.IntN(8) > 0}
			need := Resources{Cores: 1 + random.Int64N(8), Memory: random.Int64N(9)}
			q := Query{Need: need, Duration: Span(1 + random.Int64N(12)), NotBefore: b.NotBefore, NotAfter: Forever}
			slot, ok := line.EarliestFit(q)
			require.True(t, ok)
			b.Slot = slot
			require.NoError(t, line.Book(b))
			m.bookings = append(m.bookings, b)

			if len(m.bookings) > 0 && random.IntN(2) == 0 {
				k := random.IntN(len(m.bookings))
				ended := &m.bookings[k]
				require.NoError(t, line.End(ended.ID, now))
				if now <= ended.Slot.Start {
					m.bookings = slices.Delete(m.bookings, k, k+1)
				} else if now < ended.Slot.End {
					ended.Slot.End, ended.Movable = now, false
				}
			}
			if random.IntN(3) > 0 {
				require.Equal(t, m.compress(now), line.Compress(now, 0))
			}
		}
		for at := range Instant(400) {
			require.Equal(t, m.free(at), line.Free(at))
		}
	})
}

func queued(t *testing.T) *Timeline {
	line := idle(t, 4, 0)
	booked(t, line, 1, 100, 200, 4)
	for i := range byte(3) {
		slot := Slot{Window{200 + 100*Instant(i), 300 + 100*Instant(i)}, Resources{Cores: 4}}
		require.NoError(t, line.Book(Booking{ID: EntryID{i}, Slot: slot, NotBefore: 50, Movable: true}))
	}
	line.Compress(100, 0)
	return line
}

func TestAnEarlyEndMovesTheQueueForward(t *testing.T) {
	line := queued(t)
	require.NoError(t, line.End(EntryID{0xb, 1}, 150))
	assert.Equal(t, []Moved{{EntryID{0}, 200, 150}, {EntryID{1}, 300, 250}, {EntryID{2}, 400, 350}}, line.Compress(150, 0))
	assert.Empty(t, line.Compress(150, 0), "there is nothing left to gain")
}

func TestADespatchedBookingStays(t *testing.T) {
	line := queued(t)
	require.NoError(t, line.Fix(EntryID{0}))
	require.NoError(t, line.End(EntryID{0xb, 1}, 150))
	assert.Empty(t, line.Compress(150, 0))
}

func TestCompressMovesNothingToBeforeItMayBegin(t *testing.T) {
	line := idle(t, 4, 0)
	booked(t, line, 1, 100, 200, 4)
	slot := Slot{Window{200, 300}, Resources{Cores: 4}}
	require.NoError(t, line.Book(Booking{ID: EntryID{2}, Slot: slot, NotBefore: 180, Movable: true}))
	require.NoError(t, line.End(EntryID{0xb, 1}, 120))
	assert.Equal(t, []Moved{{EntryID{2}, 200, 180}}, line.Compress(120, 0))
}

func TestCompressKeepsToItsBudget(t *testing.T) {
	line := queued(t)
	require.NoError(t, line.End(EntryID{0xb, 1}, 150))
	assert.Equal(t, []Moved{{EntryID{0}, 200, 150}}, line.Compress(150, 1))
	b, _ := line.Booking(EntryID{1})
	assert.Equal(t, Instant(300), b.Slot.Start)
}
