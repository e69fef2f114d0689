package scheduling

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnOutlineIsFineNowAndCoarseLater(t *testing.T) {
	for _, from := range []Instant{0, 1, Instant(Day) * 20_000, Instant(Day)*20_000 - 1, Instant(Hour)*1234 + 56_789} {
		w := from.From(Day)
		starts := parts(w, 32)
		require.LessOrEqual(t, len(starts), 32)
		assert.Equal(t, from, starts[0])
		for i := 2; i < len(starts); i++ {
			length := starts[i].Sub(starts[i-1])
			assert.LessOrEqual(t, length, max(Minute, starts[i].Sub(from)/2), "part %d", i)
			assert.Zero(t, starts[i]%Instant(length), "it begins at a round instant")
		}
		last := w.End.Sub(starts[len(starts)-1])
		assert.LessOrEqual(t, last, 12*Hour, "nothing is left at the end")
	}
}

// A moment later, what is told of a time that is far away is the same.
func TestOutlinesAMomentApartDifferLittle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	line, err := NewTimeline(Resources{Cores: 1024})
	require.NoError(t, err)
	for i := range 2000 {
		slot, ok := line.EarliestFit(ask(Resources{Cores: 1 + random.Int64N(200)}, Minute+Span(random.Int64N(int64(3*Hour)))))
		require.True(t, ok)
		require.NoError(t, line.Book(Booking{ID: numbered(i), Slot: slot}))
	}
	known := map[Level]bool{}
	fresh := 0
	for i := range 600 {
		now := Instant(i) * Instant(Second)
		for _, level := range Outline([]*Timeline{line}, now.From(Day), 32)[1:] {
			if !known[level] {
				known[level] = true
				fresh++
			}
		}
	}
	assert.Less(t, fresh, 120, "in ten minutes of looking once a second")
}

func BenchmarkOutline(b *testing.B) {
	for _, pools := range []int{1, 8} {
		b.Run(fmt.Sprint("pools=", pools), func(b *testing.B) {
			line := busy(b, rand.New(rand.NewPCG(1, 1)))
			lines := make([]*Timeline, pools)
			for i := range lines {
				lines[i] = line
			}
			b.ResetTimer()
			for i := range b.N {
				Outline(lines, (Instant(i) * Instant(Second)).From(Day), 32)
			}
		})
	}
}
