package scheduling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnObstacleIsWhatLacksJustBefore(t *testing.T) {
	line, err := NewTimeline(Resources{Cores: 8, Memory: 16})
	require.NoError(t, err)
	book := func(n byte, cores int64, from, to Instant) {
		require.NoError(t, line.Book(Booking{ID: EntryID{n}, Slot: Slot{Window{from, to}, Resources{Cores: cores, Memory: 1}}}))
	}
	book(1, 5, 0, 100)
	book(2, 2, 0, 50)
	book(3, 1, 200, 300)
	need := Resources{Cores: 4, Memory: 2}
	slot, found := line.EarliestFit(Query{Need: need, Duration: 10, NotAfter: Forever})
	require.True(t, found)
	require.Equal(t, Instant(100), slot.Start)
	assert.Equal(t, Obstacle{Lacks: []Lack{{"cores", 4, 3}}, Ending: 2}, line.Obstacle(need, 0, 100, 10))
	assert.Equal(t, 1, line.Obstacle(need, 0, 100, 1).Ending, "no more are counted than are wanted")
	assert.Equal(t, 1, line.Obstacle(need, 60, 100, 10).Ending)
	assert.Empty(t, line.Obstacle(Resources{Cores: 1}, 0, 101, 10).Lacks, "there was room")
}

func TestAnObstacleMayBeThatNobodyWorks(t *testing.T) {
	line, err := NewTimeline(Resources{Cores: 8}, Window{1000, 2000})
	require.NoError(t, err)
	assert.Equal(t, Obstacle{Closed: true}, line.Obstacle(Resources{Cores: 1}, 0, 1000, 10))
	open := line.Obstacle(Resources{Cores: 1}, 0, 1500, 10)
	assert.False(t, open.Closed)
	assert.Empty(t, open.Lacks)
}
