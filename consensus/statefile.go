package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"starling/accounting"
)

// stateFile is state.db: the state of accounting, how far each store's records
// were applied to it, and the records that were refused, all changed together.
type stateFile struct {
	path    string
	noSync  bool
	log     *slog.Logger
	written time.Time                                   // when somebody last did, before it was opened
	write   func(file string, write func() error) error // Options.Write
	id      StateID
	origin  atomic.Pointer[origin]

	mu      sync.RWMutex // held while the file is put in another's place
	db      *bbolt.DB
	closing sync.WaitGroup // files that were replaced while they were read
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

// openState opens a state, or makes one, after a look at all that is in it.
func openState(options Options) (*stateFile, error) {
	if err := verifyState(filepath.Join(options.Dir, StateFile), options.Log); err != nil {
		return nil, err
	}
	return openVerified(options)
}

func openVerified(options Options) (*stateFile, error) {
	path := filepath.Join(options.Dir, StateFile)
	f := &stateFile{path: path, noSync: options.NoSync, write: options.Write, log: options.Log, written: writtenAt(path)}
	db, err := f.open(path)
	if err != nil {
		return nil, err
	}
	f.db = db
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error { return f.prepare(tx, options.Random) })
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	f.dated(f.written)
	return f, nil
}

// open opens a file that was verified.
func (f *stateFile) open(path string) (db *bbolt.DB, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, boltOptions())
		return explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.NoSync = f.noSync
	return db, nil
}

func (f *stateFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closing.Wait()
	f.keepFreePages()
	return f.db.Close()
}

// keepFreePages writes down which pages are free, so that bbolt need not look for them at
// the next start. While the file is in use that would make every commit slow after a
// burst. A file that can't be written is closed without; so is one that can't be read,
// since bbolt would never get out of that transaction.
func (f *stateFile) keepFreePages() {
	written := writtenAt(f.path)
	readable := guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			_, _, err := readSum(tx.Bucket(metaBucket).Get(sumKey), tx.ID())
			return err
		})
	})
	if readable != nil {
		return
	}
	f.db.NoFreelistSync = false
	_ = guard(func() error {
		return f.db.Update(func(tx *bbolt.Tx) error { return changed(tx, func(*change) error { return nil }) })
	})
	f.dated(written)
}

// dated gives the file the time of what is in it, after a write that changed
// nothing of that.
func (f *stateFile) dated(written time.Time) { _ = os.Chtimes(f.path, written, written) }

// begin starts a transaction of the file that is in place.
func (f *stateFile) begin(writable bool) (*bbolt.Tx, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	tx, err := f.db.Begin(writable)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return nil, ErrClosed
	}
	return tx, err
}

func (f *stateFile) view(read func(*bbolt.Tx) error) error {
	tx, err := f.begin(false)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	return read(tx)
}

func (f *stateFile) update(do func(*change) error) error {
	return f.write(StateFile, func() error {
		tx, err := f.begin(true)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing after a commit
		if err := changed(tx, do); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// read shows accounting's part of the file as it is at this moment.
func (f *stateFile) read(ctx context.Context, read func(accounting.View) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.view(func(tx *bbolt.Tx) error {
		return guardFaults(func() error { return read(boltTx{tx.Bucket(stateBucket)}) })
	})
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

// prepare has all buckets, and an identity, in the file.
func (f *stateFile) prepare(tx *bbolt.Tx, random io.Reader) error {
	for _, name := range [][]byte{stateBucket, appliedBucket, rejectedBucket, metaBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return changed(tx, func(c *change) error {
		meta := c.rows(metaBucket)
		if id := meta.Get(idKey); id != nil {
			if found := meta.Get(formatKey); string(found) != string(format) {
				return fmt.Errorf("its format is %.20q, this program knows %q", found, format)
			}
			f.id = StateID(id)
			f.settle(tx)
			return nil
		}
		id, err := mint(random)
		if err != nil {
			return err
		}
		f.id = StateID(id)
		return errors.Join(meta.Put(formatKey, format), meta.Put(idKey, []byte(id)))
	})
}

// position is how far a store's records were applied, and the log's index.
func (f *stateFile) position(store StoreID) (applied Sequence, index uint64, err error) {
	err = f.view(func(tx *bbolt.Tx) error {
		applied = sequenceOf(tx.Bucket(appliedBucket).Get([]byte(store)))
		index = uint64(sequenceOf(tx.Bucket(metaBucket).Get(indexKey)))
		return nil
	})
	return applied, index, err
}
