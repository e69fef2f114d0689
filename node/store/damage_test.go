package store

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"starling/api/ivoa"
	"starling/federation/identity"
)

// keptSessions is a store with some sessions, closed, and their ids.
func keptSessions(t *testing.T) (path string, ids []identity.UUID) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sessions.db")
	s, err := Open(Options{Path: path})
	require.NoError(t, err)
	mint := identity.NewMint("jodrell", 0)
	for i := range 50 {
		id := mint.New(int64(i))
		ids = append(ids, id)
		require.NoError(t, s.Submit(func(tx *Tx) error { return tx.PutSession(session(id)) }, nil).Wait())
	}
	require.NoError(t, s.Close())
	return path, ids
}

func session(id identity.UUID) *Session { return &Session{ID: id, Phase: ivoa.SessionCompleted} }

// Whatever bit of a record a disk flips: the record is refused, and says what to do.
func TestARecordWithAFlippedBitIsRefused(t *testing.T) {
	path, ids := keptSessions(t)
	s, err := Open(Options{Path: path})
	require.NoError(t, err)
	defer s.Close()
	s.db.NoSync = true // nothing is cut off here
	id := ids[7]
	var value []byte
	require.NoError(t, s.View(func(tx *Tx) error {
		value = append(value, tx.Bucket(bucketSessions).Get(id[:])...)
		return nil
	}))
	for bit := 0; bit < 8*len(value); bit += 5 { // each fifth: all eight of a byte come up

		value[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, s.Submit(func(tx *Tx) error { return tx.Bucket(bucketSessions).Put(id[:], value) }, nil).Wait())
		value[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, s.View(func(tx *Tx) error {
			got, err := tx.Session(id)
			assert.ErrorIs(t, err, ErrDamaged, "bit %d: %v", bit, got)
			assert.ErrorContains(t, tx.allSessions(identity.UUID{}, func(identity.UUID, ivoa.SessionPhase) (bool, error) { return true, nil }), "restore it from a backup")
			return nil
		}))
	}
}

// What versions before checksums have written is read as it is.
func TestARecordOfAnOlderVersionIsRead(t *testing.T) {
	path, ids := keptSessions(t)
	s, err := Open(Options{Path: path})
	require.NoError(t, err)
	defer s.Close()
	old, err := json.Marshal(map[string]any{"id": ids[3], "phase": "FAILED"})
	require.NoError(t, err)
	require.NoError(t, s.Submit(func(tx *Tx) error { return tx.Bucket(bucketSessions).Put(ids[3][:], old) }, nil).Wait())
	require.NoError(t, s.View(func(tx *Tx) error {
		got, err := tx.Session(ids[3])
		require.NoError(t, err)
		assert.Equal(t, ivoa.SessionFailed, got.Phase)
		return nil
	}))
}

// A file whose end is missing, or whose beginning is another's, is not opened; that
// ends nothing but the attempt.
func TestAFileThatIsTornIsNotOpened(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string, data []byte){
		"its end is missing": func(t *testing.T, path string, data []byte) { require.NoError(t, os.Truncate(path, 5*4096/2)) },
		"its last page is missing": func(t *testing.T, path string, data []byte) {
			end := 0 // of what is used: bbolt makes room in steps
			db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
			require.NoError(t, err)
			require.NoError(t, db.View(func(tx *bbolt.Tx) error { end = int(tx.Size()); return nil }))
			require.NoError(t, db.Close())
			require.NoError(t, os.Truncate(path, int64(end-1)))
		},
		"both of its heads are nonsense": func(t *testing.T, path string, data []byte) {
			random := rand.New(rand.NewPCG(1, 1))
			for i := range 2 * 4096 {
				data[i] = byte(random.Uint32())
			}
			require.NoError(t, os.WriteFile(path, data, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := keptSessions(t)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			harm(t, path, data)
			_, err = Open(Options{Path: path})
			require.ErrorIs(t, err, ErrDamaged)
			assert.ErrorContains(t, err, path)
			assert.ErrorContains(t, err, "move the file aside")
		})
	}
}
