package consensus

import (
	"fmt"
	"log/slog"

	"go.etcd.io/bbolt"
)

// trimAtStart is how many records at most a start deletes of those that the log
// had when the node went down.
const trimAtStart = 100_000

// join settles, before anything is drained, that this outbox and this state
// belong together: that the state has all that was trimmed here, and that the
// numbers to come are new to it. It is called when the log is opened.
func (o *Outbox) join(f *stateFile, log *slog.Logger) error {
	store, err := o.Store()
	if err != nil {
		return fmt.Errorf("read the outbox: %w", err)
	}
	applied, _, err := f.position(store)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	return o.db.Update(func(tx *bbolt.Tx) error {
		meta, bucket := tx.Bucket(outboxMeta), tx.Bucket(outboxBucket)
		known := StateID(meta.Get(stateKey))
		last := Sequence(bucket.Sequence())
		first := last + 1
		if k, _ := bucket.Cursor().First(); k != nil {
			first = sequenceOf(k)
		}
		switch {
		case first > applied+1 && known != f.id:
			return fmt.Errorf("%w: records 1 to %d went to state %s, but state.db is %s and has %d of them; "+
				"restore state.db from its backup, or, to go on without them, give the outbox a new life (Outbox.Renew)",
				ErrStateLost, first-1, known, f.id, applied)
		case first > applied+1:
			return fmt.Errorf("state.db is older than the session store; restore the newer one: %w",
				&GapError{Store: store, Expected: applied + 1, Got: first})
		case applied > last:
			// The session store was restored from a backup: what it numbers next
			// would be taken for what is there already.
			log.Warn("session store is older than the state; its outbox begins a new life",
				"store", store, "last", last, "applied", applied)
			if err := o.renew(tx, applied); err != nil {
				return err
			}
			applied = 0
		case known != "" && known != f.id:
			log.Warn("state.db is another than before; the outbox has all it needs", "was", known, "is", f.id)
		}
		o.applied.Store(uint64(applied))
		if err := o.trim(tx, trimAtStart); err != nil {
			return err
		}
		return meta.Put(stateKey, []byte(f.id))
	})
}

// Renew gives the outbox a new life after its state was lost: a new store id,
// under which what it still holds is numbered from 1. What had been trimmed is
// given up. Only for a node that is down.
func (o *Outbox) Renew() error {
	err := o.db.Update(func(tx *bbolt.Tx) error {
		if err := tx.Bucket(outboxMeta).Delete(stateKey); err != nil {
			return err
		}
		return o.renew(tx, 0)
	})
	if err != nil {
		return fmt.Errorf("renew the outbox: %w", err)
	}
	return nil
}

// renew mints a store id and numbers anew the records after the applied one.
func (o *Outbox) renew(tx *bbolt.Tx, applied Sequence) error {
	id, err := mint(o.random)
	if err != nil {
		return err
	}
	var kept [][]byte
	cursor := tx.Bucket(outboxBucket).Cursor()
	for k, v := cursor.Seek((applied + 1).bytes()); k != nil; k, v = cursor.Next() {
		kept = append(kept, append([]byte(nil), v...))
	}
	if err := tx.DeleteBucket(outboxBucket); err != nil {
		return err
	}
	bucket, err := tx.CreateBucket(outboxBucket)
	if err != nil {
		return err
	}
	for i, v := range kept {
		if err := bucket.Put(Sequence(i+1).bytes(), v); err != nil {
			return err
		}
	}
	if err := bucket.SetSequence(uint64(len(kept))); err != nil {
		return err
	}
	o.applied.Store(0)
	return tx.Bucket(outboxMeta).Put(storeKey, []byte(id))
}
