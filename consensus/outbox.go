package consensus

import (
	"crypto/rand"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"starling/accounting"
)

// An Outbox holds the node's commands from the transaction that caused them
// until the log has applied them. It is two buckets of the node's session
// store; the store remains its caller's.
//
// Records are trimmed by the appends that follow, so that it costs no
// transaction of its own.
type Outbox struct {
	db      *bbolt.DB
	now     func() time.Time
	random  io.Reader
	keep    bool
	applied atomic.Uint64 // the last sequence that is durable in the log
	wake    chan struct{} // holds one token when something was committed
}

// OutboxOptions are an outbox's dependencies. The zero value will do.
type OutboxOptions struct {
	// Random mints store ids; crypto/rand by default.
	Random io.Reader
	// Now dates the records, for their age; time.Now by default.
	Now func() time.Time
	// Keep is for a node by itself: what was applied is kept, too. A federation
	// that the node joins later is handed all of it, and a state.db that is lost is
	// made again.
	Keep bool
}

// The outbox's buckets and keys.
var (
	outboxBucket = []byte("outbox")      // sequence -> record (waiting.go)
	outboxMeta   = []byte("outbox-meta") // the two below
	storeKey     = []byte("store")       // -> StoreID
	stateKey     = []byte("state")       // -> StateID of the log it writes to
)

// trimMost bounds what one append deletes: more than it adds, so that a
// backlog shrinks, but not so much that the caller's commit is felt.
const trimMost = 64

// NewOutbox finds the outbox in a session store, or makes one with a store id
// of its own.
func NewOutbox(db *bbolt.DB, options OutboxOptions) (*Outbox, error) {
	o := &Outbox{db: db, now: options.Now, random: options.Random, keep: options.Keep, wake: make(chan struct{}, 1)}
	if o.now == nil {
		o.now = time.Now
	}
	if o.random == nil {
		o.random = rand.Reader
	}
	err := db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(outboxBucket); err != nil {
			return err
		}
		meta, err := tx.CreateBucketIfNotExists(outboxMeta)
		if err != nil || meta.Get(storeKey) != nil {
			return err
		}
		id, err := mint(o.random)
		if err != nil {
			return err
		}
		return meta.Put(storeKey, []byte(id))
	})
	if err != nil {
		return nil, fmt.Errorf("open the outbox: %w", err)
	}
	return o, nil
}

// Append adds commands in the caller's transaction, and returns the sequence of
// the last. They are checked, so that an error is the caller's mistake
// (accounting.ErrInvalid) or the store's. The log is woken by the commit. Without
// commands it only trims.
func (o *Outbox) Append(tx *bbolt.Tx, commands ...accounting.Command) (Sequence, error) {
	var last Sequence
	for _, c := range commands {
		data, err := accounting.Encode(c)
		if err != nil {
			return 0, err
		}
		if last, err = o.append(tx, data); err != nil {
			return 0, err
		}
	}
	if err := o.trim(tx, trimMost); err != nil {
		return 0, err
	}
	tx.OnCommit(o.Notify)
	return last, nil
}

func (o *Outbox) append(tx *bbolt.Tx, data []byte) (Sequence, error) {
	bucket := tx.Bucket(outboxBucket)
	bucket.FillPercent = 1 // keys only grow
	n, err := bucket.NextSequence()
	if err != nil {
		return 0, fmt.Errorf("append to the outbox: %w", err)
	}
	if err := bucket.Put(Sequence(n).bytes(), sealRecord(o.now(), data)); err != nil {
		return 0, fmt.Errorf("append to the outbox: %w", err)
	}
	return Sequence(n), nil
}

// trim deletes records that the log has.
func (o *Outbox) trim(tx *bbolt.Tx, most int) error {
	if o.keep {
		return nil
	}
	applied := Sequence(o.applied.Load())
	cursor := tx.Bucket(outboxBucket).Cursor()
	for k, _ := cursor.First(); k != nil && sequenceOf(k) <= applied && most > 0; k, _ = cursor.First() {
		if err := cursor.Delete(); err != nil {
			return fmt.Errorf("trim the outbox: %w", err)
		}
		most--
	}
	return nil
}

// Notify wakes the log. Append sees to it; it is needed only after a commit
// that Append knows nothing of.
func (o *Outbox) Notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Store is the outbox's store id.
func (o *Outbox) Store() (id StoreID, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		id = StoreID(tx.Bucket(outboxMeta).Get(storeKey))
		return nil
	})
	return id, err
}

// Depth is how many committed records wait for the log, and how long the
// oldest has.
func (o *Outbox) Depth() (depth int, oldest time.Duration, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(outboxBucket)
		applied := o.applied.Load()
		depth = int(max(bucket.Sequence(), applied) - applied)
		_, v := bucket.Cursor().Seek(Sequence(applied + 1).bytes())
		if written, ok := writtenIn(v); ok {
			oldest = max(0, o.now().Sub(written))
		}
		return nil
	})
	return depth, oldest, err
}

// last is the sequence of the last committed record.
func (o *Outbox) last() (n Sequence, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		n = Sequence(tx.Bucket(outboxBucket).Sequence())
		return nil
	})
	return n, err
}

// A record is one command on its way.
type record struct {
	sequence Sequence
	command  []byte
}

// after copies the records that follow a sequence, up to the bounds of a batch,
// and reports whether there are more.
func (o *Outbox) after(n Sequence, most, mostBytes int) (batch []record, more bool, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		size := 0
		cursor := tx.Bucket(outboxBucket).Cursor()
		for k, v := cursor.Seek((n + 1).bytes()); k != nil; k, v = cursor.Next() {
			if more = len(batch) == most || size >= mostBytes; more {
				return nil
			}
			command, whole := commandIn(v)
			if !whole {
				return fmt.Errorf("record %d of the outbox, of %d bytes, is not as it was written: %w", sequenceOf(k), len(v), ErrCorrupt)
			}
			batch = append(batch, record{sequenceOf(k), append([]byte(nil), command...)})
			size += len(v)
		}
		return nil
	})
	return batch, more, err
}
