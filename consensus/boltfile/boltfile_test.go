package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// Whatever bbolt has written is read as bbolt itself reads it: no file that is whole is
// ever refused.
func TestAFileIsReadAsBboltReadsIt(t *testing.T) {
	dir, files := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		db := open(t, filepath.Join(dir, fmt.Sprint(files)), rapid.SampledFrom([]int{1 << 10, 1 << 12}).Draw(t, "page size"))
		defer func() { require.NoError(t, db.Close()) }()
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			db.NoFreelistSync = rapid.Bool().Draw(t, "no list")
			require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return change(t, tx) }))
			assert.Equal(t, byBbolt(t, db), byRead(t, db.Path()))
		}
	})
}

// A flip of any bit makes Read refuse the file, or hand out other rows than were written,
// or neither: then bbolt, too, reads what was written, and goes on writing as if nothing
// had been.
func TestABitThatNobodyNoticesDoesNoHarm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "whole")
	db := open(t, path, 1<<10)
	random := rand.New(rand.NewPCG(1, 2))
	write := func(db *bbolt.DB, salt, rows int) {
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			for n := range rows {
				bucket, err := tx.CreateBucketIfNotExists([]byte{'b', byte('0' + n%3)})
				require.NoError(t, err)
				key := binary.BigEndian.AppendUint32(nil, uint32(n*7919%1000))
				require.NoError(t, bucket.Put(key, bytes.Repeat([]byte{byte(n + salt)}, n%50)))
			}
			return nil
		}))
	}
	for salt := range 5 {
		write(db, salt, 300)
	}
	db.NoFreelistSync = false
	require.NoError(t, db.Update(func(*bbolt.Tx) error { return nil }))
	require.NoError(t, db.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	whole = whole[:used(t, path)]
	want := byRead(t, path)

	noticed, harmless := 0, 0
	flipped := filepath.Join(t.TempDir(), "flipped")
	for range 1500 {
		data := bytes.Clone(whole)
		at := random.IntN(len(data))
		data[at] ^= 1 << random.IntN(8)
		require.NoError(t, os.WriteFile(flipped, data, 0o600))
		got, err := read(flipped)
		if err != nil || !assert.ObjectsAreEqual(want, got) {
			noticed++
			continue
		}
		harmless++
		db, err := bbolt.Open(flipped, 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true})
		if err != nil {
			continue // noticed by bbolt
		}
		require.Equal(t, want, byBbolt(t, db), "byte %d", at)
		for salt := range 3 {
			write(db, salt+9, 200)
		}
		require.NoError(t, db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				assert.NoError(t, err, "byte %d", at)
			}
			return nil
		}))
		require.Equal(t, byBbolt(t, db), byRead(t, flipped), "byte %d", at)
		require.NoError(t, db.Close())
	}
	t.Logf("%d noticed, %d harmless", noticed, harmless)
	assert.Positive(t, noticed)
	assert.Positive(t, harmless)
}

func TestAFileThatEndsTooSoonIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "short")
	db := open(t, path, 1<<10)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("b"))
		require.NoError(t, err)
		return bucket.Put([]byte("k"), make([]byte, 10_000))
	}))
	require.NoError(t, db.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, size := range []int64{used(t, path) - 1, 2048, 1000, 16, 0} {
		_, err := Read(bytes.NewReader(data), size, func(Row) {})
		assert.ErrorIs(t, err, ErrBroken, "%d bytes", size)
		require.NoError(t, os.Truncate(path, size))
		_, err = read(path)
		assert.ErrorIs(t, err, ErrBroken, "%d bytes", size)
	}
}

// FuzzRead: no bytes make it do anything but answer.
func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed")
	db := open(f, path, 1<<10)
	require.NoError(f, db.Update(func(tx *bbolt.Tx) error {
		for n := range byte(60) {
			bucket, err := tx.CreateBucketIfNotExists([]byte{n % 2})
			require.NoError(f, err)
			require.NoError(f, bucket.Put([]byte{n}, make([]byte, 40)))
		}
		return nil
	}))
	require.NoError(f, db.Close())
	data, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(data[:used(f, path)], 3000, byte(1))
	f.Fuzz(func(_ *testing.T, data []byte, at int, with byte) {
		if len(data) > 0 {
			data = bytes.Clone(data)
			data[uint(at)%uint(len(data))] ^= with
		}
		_, _ = Read(bytes.NewReader(data), int64(len(data)), func(Row) {})
	})
}

type tester interface {
	require.TestingT
	Helper()
}

func open(t tester, path string, pageSize int) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: pageSize, NoSync: true, NoGrowSync: true})
	require.NoError(t, err)
	return db
}

// change writes and deletes rows and buckets.
func change(t *rapid.T, tx *bbolt.Tx) error {
	name := rapid.SliceOfN(rapid.ByteRange('a', 'c'), 1, 2)
	for range rapid.IntRange(0, 4).Draw(t, "buckets") {
		bucket, err := tx.CreateBucketIfNotExists(name.Draw(t, "bucket"))
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "in it") {
			bucket, err = bucket.CreateBucketIfNotExists([]byte("in"))
			require.NoError(t, err)
		}
		if rapid.Bool().Draw(t, "numbered") {
			_, err := bucket.NextSequence()
			require.NoError(t, err)
		}
		from, many := rapid.IntRange(0, 300).Draw(t, "from"), rapid.IntRange(0, 150).Draw(t, "many")
		size := rapid.SampledFrom([]int{0, 5, 60, 3000}).Draw(t, "size")
		remove := rapid.Bool().Draw(t, "remove")
		for n := range many {
			key := []byte(fmt.Sprintf("%04d", from+n))
			if remove {
				require.NoError(t, bucket.Delete(key))
				continue
			}
			require.NoError(t, bucket.Put(key, bytes.Repeat([]byte{byte(n)}, size)))
		}
	}
	if old := name.Draw(t, "old"); tx.Bucket(old) != nil && rapid.Bool().Draw(t, "drop") {
		require.NoError(t, tx.DeleteBucket(old))
	}
	return nil
}

// byBbolt are a file's rows as bbolt reads them, and its transaction.
func byBbolt(t tester, db *bbolt.DB) (rows []string) {
	t.Helper()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		rows = append(rows, fmt.Sprint(tx.ID()))
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error { return list(&rows, string(name), bucket) })
	}))
	return rows
}

func list(rows *[]string, path string, bucket *bbolt.Bucket) error {
	if n := bucket.Sequence(); n != 0 {
		*rows = append(*rows, text(Row{path, nil, order.AppendUint64(nil, n)}))
	}
	return bucket.ForEach(func(k, v []byte) error {
		if v == nil {
			return list(rows, path+"/"+string(k), bucket.Bucket(k))
		}
		*rows = append(*rows, text(Row{path, k, v}))
		return nil
	})
}

func text(r Row) string { return fmt.Sprintf("%s %x: %x", r.Bucket, r.Key, r.Value) }

func byRead(t tester, path string) []string {
	t.Helper()
	rows, err := read(path)
	require.NoError(t, err)
	return rows
}

func read(path string) (rows []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	rows = []string{""}
	transaction, err := Read(file, info.Size(), func(r Row) { rows = append(rows, text(r)) })
	rows[0] = fmt.Sprint(transaction)
	return rows, err
}

// used is how much of a file has been used.
func used(t tester, path string) (size int64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil }))
	require.NoError(t, db.Close())
	return size
}
