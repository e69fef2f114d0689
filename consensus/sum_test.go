package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"starling/accounting"
)

// The sum that is kept is that of all rows, whatever was written, refused, rolled back,
// or written by a program that keeps none.
func TestTheSumIsThatOfWhatIsThere(t *testing.T) {
	dir, states := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		states++
		options := Options{Dir: filepath.Join(dir, fmt.Sprint(states)), NoSync: true}.defaults()
		require.NoError(t, os.Mkdir(options.Dir, 0o700))
		state, err := openState(options)
		require.NoError(t, err)
		defer func() { require.NoError(t, state.close()) }()
		known, sequence := true, Sequence(0)
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"rows", "commands", "rolled back", "an older program", "restart"}).Draw(t, "step") {
			case "rows":
				require.NoError(t, state.update(func(c *change) error { return scribble(t, c) }))
				known = true
			case "commands":
				var batch []record
				for range rapid.IntRange(1, 4).Draw(t, "commands") {
					sequence++
					data, err := accounting.Encode(rapid.SampledFrom(run(int(sequence))).Draw(t, "command")) // most are refused
					require.NoError(t, err)
					batch = append(batch, record{sequence, data})
				}
				_, err := state.apply("s", batch)
				require.NoError(t, err)
				known = true
			case "rolled back":
				require.ErrorIs(t, state.update(func(c *change) error { return errors.Join(scribble(t, c), errCrash) }), errCrash)
			case "an older program":
				require.NoError(t, state.db.Update(func(tx *bbolt.Tx) error { return scribble(t, &change{tx: tx}) }))
				known = false
			case "restart":
				require.NoError(t, state.close())
				state, err = openState(options)
				require.NoError(t, err, "an alarm without a cause")
				known = true
			}
			summed(t, state, known)
		}
	})
}

// scribble writes some rows anywhere.
func scribble(t *rapid.T, c *change) error {
	key := rapid.SampledFrom([]string{"a", "b", "bb", "c"})
	for range rapid.IntRange(0, 5).Draw(t, "writes") {
		name := rapid.SampledFrom([][]byte{stateBucket, rejectedBucket, metaBucket}).Draw(t, "bucket")
		bucket := c.rows(name)
		k := []byte(key.Draw(t, "key"))
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			require.NoError(t, bucket.Delete(k))
		case 1:
			_, err := bucket.next()
			require.NoError(t, err)
		default:
			require.NoError(t, bucket.Put(k, rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "value")))
		}
	}
	return nil
}

// summed holds a state's sum to its rows.
func summed(t require.TestingT, state *stateFile, known bool) {
	require.NoError(t, state.view(func(tx *bbolt.Tx) error {
		want, err := sumOf(tx)
		require.NoError(t, err)
		got, is, err := readSum(tx.Bucket(metaBucket).Get(sumKey), tx.ID())
		require.NoError(t, err)
		require.Equal(t, known, is)
		if known {
			require.Equal(t, want, got)
		}
		return nil
	}))
}

// recorded is the state of a node that is down, with something in each bucket.
func recorded(t *testing.T) (w *world, path string, data []byte) {
	w = newWorld(t)
	w.noSync = true
	w.openLog()
	for n := range 20 {
		w.append(run(n)...)
	}
	w.append(run(99)[3]) // refused: it never began
	w.log.Start(t.Context())
	w.barrier()
	w.close()
	path = filepath.Join(w.dir, StateFile)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return w, path, data
}

// Whichever bit of a state flips, its node doesn't start, or what is read is what was
// written.
func TestAFlippedBitIsNeverServed(t *testing.T) {
	w, path, whole := recorded(t)
	options := Options{Dir: w.dir, NoSync: true}.defaults()
	want, size := shown(t, path)
	random := rand.New(rand.NewPCG(1, 1))
	refused := 0
	const flips = 150
	for range flips {
		data := bytes.Clone(whole)
		at := random.Int64N(size)
		data[at] ^= 1 << random.IntN(8)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		state, err := openState(options)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt, "byte %d", at)
			require.ErrorContains(t, err, path)
			refused++
			continue
		}
		require.NoError(t, state.close())
		got, _ := shown(t, path)
		require.Equal(t, want, got, "byte %d", at)
	}
	t.Logf("%d of %d flips are refused", refused, flips)
	assert.Positive(t, refused)
}

// Keys and values, of every bucket.
func TestAFlippedBitInARowOfAnyBucketIsFound(t *testing.T) {
	w, path, whole := recorded(t)
	options := Options{Dir: w.dir, NoSync: true}.defaults()
	random := rand.New(rand.NewPCG(1, 1))
	flipped := make(map[string]int)
	for bucket, rows := range rowsIn(t, path) {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, row := range rows[:min(len(rows), 25)] {
			data, places := bytes.Clone(whole), 0
			bit := random.IntN(8 * len(row))
			for from := 0; ; places++ { // those in free pages, too
				at := bytes.Index(whole[from:], row)
				if at < 0 {
					break
				}
				data[from+at+bit/8] ^= 1 << (bit % 8)
				from += at + len(row)
			}
			require.Positive(t, places, "%s: %x", bucket, row)
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, err := openState(options)
			require.ErrorIs(t, err, ErrCorrupt, "%s: bit %d of %x", bucket, bit, row)
			require.ErrorContains(t, err, "restore it from a backup")
			flipped[bucket]++
		}
	}
	for _, bucket := range [][]byte{stateBucket, appliedBucket, rejectedBucket, metaBucket} {
		assert.Positive(t, flipped[string(bucket)], "%s", bucket)
	}
}

// A program that keeps no sum has written to the state: that is no alarm, and from then on
// a flipped bit is found again.
func TestAStateThatAnOlderProgramHasWrittenToIsSummedAnew(t *testing.T) {
	for name, older := range map[string]func(*bbolt.Tx) error{
		"a row": func(tx *bbolt.Tx) error { return tx.Bucket(stateBucket).Put([]byte("new"), []byte("row")) },
		// naturalise does that, and moves no index.
		"a server": func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put(serverKey, []byte("n1.00000001")) },
		"no row":   func(*bbolt.Tx) error { return nil },
		// So is a state of before there were sums.
		"all rows": func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(sumKey) },
	} {
		t.Run(name, func(t *testing.T) {
			w, path, _ := recorded(t)
			options := Options{Dir: w.dir, NoSync: true}.defaults()
			db, err := bbolt.Open(path, 0o600, boltOptions())
			require.NoError(t, err)
			require.NoError(t, db.Update(older))
			require.NoError(t, db.Close())
			state, err := openState(options)
			require.NoError(t, err)
			summed(t, state, true)
			require.NoError(t, state.close())
			flip(t, path, rowsIn(t, path)[string(stateBucket)][3])
			_, err = openState(options)
			require.ErrorIs(t, err, ErrCorrupt)
		})
	}
}

// What a disk has done to one node's state does not reach the others with it.
func TestAStateThatIsDamagedAtItsSenderIsNotTaken(t *testing.T) {
	w, path, _ := recorded(t)
	row := rowsIn(t, path)[string(stateBucket)][3]
	sender, err := openState(Options{Dir: w.dir, NoSync: true}.defaults())
	require.NoError(t, err)
	defer func() { require.NoError(t, sender.close()) }()
	receiver, err := openState(Options{Dir: t.TempDir(), NoSync: true}.defaults())
	require.NoError(t, err)
	defer func() { require.NoError(t, receiver.close()) }()
	store, err := newSnapshots(t.Context(), receiver)
	require.NoError(t, err)
	send := func() error {
		tx, err := sender.begin(false)
		require.NoError(t, err)
		from := streamState(tx)
		defer from.Close()
		to, err := store.Create(raft.SnapshotVersionMax, 9, 1, raft.Configuration{}, 1, nil)
		require.NoError(t, err)
		_, err = io.Copy(to, from)
		require.NoError(t, err)
		return to.Close()
	}
	require.NoError(t, send())
	received, err := store.take()
	require.NoError(t, err)
	require.NoError(t, receiver.adopt(received.path, marker{Index: 9, Term: 1}))
	summed(t, receiver, true)

	flip(t, path, row) // the sender reads it from there
	require.ErrorIs(t, send(), ErrCorrupt)
	_, err = store.take()
	require.Error(t, err)
}

// rowsIn are a file's rows, each as its key with the value behind it, by bucket.
func rowsIn(t *testing.T, path string) map[string][][]byte {
	t.Helper()
	rows := make(map[string][][]byte)
	require.NoError(t, look(path, func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				rows[string(name)] = append(rows[string(name)], append(bytes.Clone(k), v...))
				return nil
			})
		})
	}))
	return rows
}

// shown is all that can be read of a state, and how much of the file is used.
func shown(t *testing.T, path string) (rows map[string][][]byte, size int64) {
	t.Helper()
	rows = rowsIn(t, path)
	meta := rows[string(metaBucket)][:0]
	for _, row := range rows[string(metaBucket)] {
		if !bytes.HasPrefix(row, sumKey) {
			meta = append(meta, row)
		}
	}
	rows[string(metaBucket)] = meta
	require.NoError(t, look(path, func(tx *bbolt.Tx) error { size = tx.Size(); return nil }))
	return rows, size
}

// flip flips a bit of a row wherever it is in a file, which may be open.
func flip(t *testing.T, path string, row []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	for from := 0; ; {
		at := bytes.Index(data[from:], row)
		if at < 0 {
			break
		}
		from += at + len(row)
		_, err = file.WriteAt([]byte{data[from-1] ^ 1}, int64(from-1))
		require.NoError(t, err)
	}
	require.NoError(t, file.Close())
}
