package seal_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"starling/consensus/seal"
)

// Whatever bit of a sealed record a disk flips is noticed; what none has flipped is read,
// and by programs that know nothing of seals, too.
func TestOneFlippedBitIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "record")
		record, err := json.Marshal(said)
		require.NoError(t, err)
		value := seal.Seal(record)
		got, whole := seal.Open(value)
		require.True(t, whole)
		require.Equal(t, record, got)
		var old map[string]string
		require.NoError(t, json.Unmarshal(value, &old))
		require.Equal(t, said, old)
		got, whole = seal.Open(record)
		require.True(t, whole, "as older programs have written it")
		require.Equal(t, record, got)
		for bit := range 8 * len(value) {
			value[bit/8] ^= 1 << (bit % 8)
			_, whole := seal.Open(value)
			require.False(t, whole, "bit %d", bit)
			value[bit/8] ^= 1 << (bit % 8)
		}
	})
}

func TestWhatIsTooShortForASealHasNone(t *testing.T) {
	_, whole := seal.Open([]byte(" "))
	assert.False(t, whole)
	got, whole := seal.Open(nil)
	assert.True(t, whole)
	assert.Empty(t, got)
	got, whole = seal.Open([]byte("7"))
	assert.True(t, whole)
	assert.Equal(t, "7", string(got))
}
