package consensus

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawGroup(t *rapid.T) group {
	return group{
		store:    StoreID(rapid.StringMatching("[0-9a-f]{1,32}").Draw(t, "store")),
		first:    Sequence(rapid.Uint64Range(1, 1<<62).Draw(t, "first")),
		commands: rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 5).Draw(t, "commands"),
	}
}

// Property: what is encoded is what is decoded.
func TestEntriesComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(rapid.Custom(drawGroup), 0, 4).Draw(t, "groups")
		got, err := decodeEntry(encodeEntry(groups))
		require.NoError(t, err)
		require.Len(t, got, len(groups))
		for i, g := range groups {
			require.Equal(t, g.store, got[i].store)
			require.Equal(t, g.first, got[i].first)
			require.Len(t, got[i].commands, len(g.commands))
			for n, c := range g.commands {
				require.Equal(t, string(c), string(got[i].commands[n]))
			}
		}
	})
}

// Property: an entry with any byte changed is refused, never read as another.
func TestADamagedEntryIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := encodeEntry([]group{drawGroup(t)})
		data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		_, err := decodeEntry(data)
		require.Error(t, err)
	})
}

func TestAnEntryOfANewerProgramIsNotCalledDamaged(t *testing.T) {
	data := encodeEntry(nil)
	data[0]++
	_, err := decodeEntry(data)
	require.ErrorIs(t, err, ErrTooNew)
	assert.True(t, fatal(err))
}

func FuzzGroup(f *testing.F) {
	f.Add(appendGroup(nil, group{store: "a", first: 1, commands: [][]byte{[]byte("x"), nil}}))
	f.Add([]byte{1, 'a', 1, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, data []byte) {
		g, rest, err := readGroup(data)
		if err != nil {
			return
		}
		again, none, err := readGroup(appendGroup(nil, g))
		require.NoError(t, err)
		assert.Empty(t, none)
		assert.Equal(t, g, again)
		assert.Less(t, len(rest), len(data))
	})
}
