package inject

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// someStore is a bolt file with records, and how much of it is used.
func someStore(t *testing.T) (path string, used int64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "some.db")
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		require.NoError(t, err)
		for i := range 2000 {
			require.NoError(t, b.Put(fmt.Appendf(nil, "%06d", i), make([]byte, 100)))
		}
		return nil
	}))
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }))
	require.NoError(t, db.Close())
	return path, used
}

// What is torn off is always something that was used.
func TestTearingTakesWhatIsUsed(t *testing.T) {
	for seed := range uint64(20) {
		path, used := someStore(t)
		says, err := tear(path, rand.New(rand.NewPCG(seed, 0)))
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Less(t, info.Size(), used, says)
		assert.GreaterOrEqual(t, info.Size(), int64(3*page))
	}
}

// Values that are in use are changed, and their keys are not.
func TestFlippingValuesChangesWhatIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	for n := range 5 { // of what is written again, the old pages stay behind
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("state"))
			require.NoError(t, err)
			for i := range 100 {
				require.NoError(t, b.Put(fmt.Appendf(nil, "%06d", i), fmt.Appendf(nil, "value %d of %d", n*i/100, i)))
			}
			return nil
		}))
	}
	require.NoError(t, db.Close())
	before, err := rowsOf(path, "state")
	require.NoError(t, err)
	says, err := flipValues(path, rand.New(rand.NewPCG(1, 0)))
	require.NoError(t, err)
	after, err := rowsOf(path, "state")
	require.NoError(t, err)
	changed := 0
	require.Len(t, after, len(before))
	for i := range before {
		assert.Equal(t, before[i].key, after[i].key)
		if !assert.ObjectsAreEqual(before[i].value, after[i].value) {
			changed++
		}
	}
	assert.Positive(t, changed, says)
	assert.LessOrEqual(t, changed, 8)
}

// Bits are flipped where there are records, and nowhere else.
func TestFlippingFlipsAFewBitsOfRecords(t *testing.T) {
	path, used := someStore(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = flip(path, rand.New(rand.NewPCG(1, 0)))
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, after, len(before))
	flipped := 0
	for i := range before {
		if n := bits.OnesCount8(before[i] ^ after[i]); n > 0 {
			flipped += n
			assert.GreaterOrEqual(t, i, 2*page, "the heads are whole")
			assert.Less(t, int64(i), used)
		}
	}
	assert.Positive(t, flipped)
	assert.LessOrEqual(t, flipped, 8)
}
