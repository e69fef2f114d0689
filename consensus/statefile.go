package consensus

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"starling/accounting"
)

// stateFile is state.db: the state of accounting, how far each store's records
// were applied to it, and the records that were refused, all changed together.
type stateFile struct {
	db *bbolt.DB
	id StateID
}

// The file's buckets and keys.
var (
	stateBucket    = []byte("state")    // accounting's
	appliedBucket  = []byte("applied")  // StoreID -> Sequence
	rejectedBucket = []byte("rejected") // index -> Rejection
	metaBucket     = []byte("meta")     // the three below
	idKey          = []byte("id")       // -> StateID
	indexKey       = []byte("index")    // -> number of records applied
	formatKey      = []byte("format")   // -> format
	format         = []byte("1")
)

const (
	// openTimeout is how long another process may keep the file locked.
	openTimeout = time.Second
	// mmapSize is address space, not memory: while the file fits, growing it
	// need not wait for readers to finish.
	mmapSize = 256 << 20
)

func boltOptions() *bbolt.Options {
	return &bbolt.Options{
		Timeout:         openTimeout,
		NoFreelistSync:  true, // else a burst leaves every commit slow
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mmapSize,
	}
}

func openState(path string, random io.Reader) (*stateFile, error) {
	db, err := bbolt.Open(path, 0o600, boltOptions())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	f := &stateFile{db: db}
	if err := db.Update(func(tx *bbolt.Tx) error { return f.prepare(tx, random) }); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return f, nil
}

// explain names bbolt's ways to say that a file is damaged.
func explain(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w; restore it from a backup", ErrCorrupt, err)
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("another process has it open: %w", err)
	}
	return err
}

func (f *stateFile) prepare(tx *bbolt.Tx, random io.Reader) error {
	for _, name := range [][]byte{stateBucket, appliedBucket, rejectedBucket, metaBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(metaBucket)
	if id := meta.Get(idKey); id != nil {
		if found := meta.Get(formatKey); string(found) != string(format) {
			return fmt.Errorf("its format is %.20q, this program knows %q", found, format)
		}
		f.id = StateID(id)
		return nil
	}
	id, err := mint(random)
	if err != nil {
		return err
	}
	f.id = StateID(id)
	return errors.Join(meta.Put(formatKey, format), meta.Put(idKey, []byte(id)))
}

// An outcome is what a batch did.
type outcome struct {
	applied  Sequence // of the batch's store
	index    uint64
	records  int // that were new
	rejected []Rejection
}

// apply takes a batch of one store's records: all of it, durably, or, with an
// error, none. What was applied before is skipped.
func (f *stateFile) apply(store StoreID, batch []record) (done outcome, err error) {
	err = f.db.Update(func(tx *bbolt.Tx) error {
		done, err = applyBatch(tx, store, batch)
		return err
	})
	return done, err
}

func applyBatch(tx *bbolt.Tx, store StoreID, batch []record) (outcome, error) {
	meta, positions := tx.Bucket(metaBucket), tx.Bucket(appliedBucket)
	state := boltTx{tx.Bucket(stateBucket)}
	done := outcome{
		applied: sequenceOf(positions.Get([]byte(store))),
		index:   uint64(sequenceOf(meta.Get(indexKey))),
	}
	for _, r := range batch {
		if r.sequence <= done.applied {
			continue
		}
		if r.sequence != done.applied+1 {
			return done, &GapError{Store: store, Expected: done.applied + 1, Got: r.sequence}
		}
		done.applied++
		done.index++
		done.records++
		_, err := accounting.ApplyEncoded(state, r.command)
		if err == nil {
			continue
		}
		if !accounting.Refused(err) {
			return done, fmt.Errorf("apply record %d of store %s: %w", r.sequence, store, err)
		}
		rejection, err := reject(tx, done.index, store, r, err)
		if err != nil {
			return done, err
		}
		done.rejected = append(done.rejected, rejection)
	}
	if done.records == 0 {
		return done, nil
	}
	return done, errors.Join(
		positions.Put([]byte(store), done.applied.bytes()),
		meta.Put(indexKey, Sequence(done.index).bytes()))
}

// A Rejection is a record that accounting refused.
type Rejection struct {
	Index    uint64   `json:"index"` // its place in the log
	Store    StoreID  `json:"store"`
	Sequence Sequence `json:"sequence"`
	Reason   string   `json:"reason"`
	Command  string   `json:"command"` // as it came, cut to 4 KiB
}

// keptRejections bounds how many are kept; the oldest go first.
const keptRejections = 10_000

// keptCommand bounds how much is kept of a refused command, in bytes.
const keptCommand = 4096

func reject(tx *bbolt.Tx, index uint64, store StoreID, r record, reason error) (Rejection, error) {
	bucket := tx.Bucket(rejectedBucket)
	rejection := Rejection{
		Index: index, Store: store, Sequence: r.sequence,
		Reason: reason.Error(), Command: string(r.command[:min(len(r.command), keptCommand)]),
	}
	value, err := json.Marshal(rejection)
	if err != nil {
		return rejection, err
	}
	n, err := bucket.NextSequence()
	if err != nil {
		return rejection, err
	}
	if n > keptRejections {
		if err := bucket.Delete(Sequence(n - keptRejections).bytes()); err != nil {
			return rejection, err
		}
	}
	return rejection, bucket.Put(Sequence(n).bytes(), value)
}

// rejections are the newest refused records, newest first.
func (f *stateFile) rejections(limit int) (list []Rejection, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(rejectedBucket).Cursor()
		for k, v := cursor.Last(); k != nil && len(list) < limit; k, v = cursor.Prev() {
			var r Rejection
			if err := json.Unmarshal(v, &r); err != nil {
				return fmt.Errorf("rejected record %d: %w: %w", binary.BigEndian.Uint64(k), ErrCorrupt, err)
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

// position is how far a store's records were applied, and the log's index.
func (f *stateFile) position(store StoreID) (applied Sequence, index uint64, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		applied = sequenceOf(tx.Bucket(appliedBucket).Get([]byte(store)))
		index = uint64(sequenceOf(tx.Bucket(metaBucket).Get(indexKey)))
		return nil
	})
	return applied, index, err
}
