package consensus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// AloneFile is where the state is put aside of a node that was by itself and joins
// a federation. It isn't read any more.
const AloneFile = "state.alone.db"

// setAside makes room for a federation's state where a node had one of its own: the
// outbox has kept what that was made of (OutboxOptions.Keep), and hands it over as
// it does everything. A state of which the outbox lacks something stays, and the
// node can't join.
func setAside(options Options) error {
	path := filepath.Join(options.Dir, StateFile)
	if info, err := os.Stat(path); missing(err) || err == nil && info.Size() == 0 {
		return nil
	}
	applied, err := ownPositions(path)
	if err != nil || len(applied) == 0 {
		return err
	}
	store, err := options.Outbox.Store()
	if err != nil {
		return err
	}
	first, last, err := options.Outbox.span()
	if err != nil {
		return err
	}
	if len(applied) > 1 || applied[store] == 0 || first != 1 || last < applied[store] {
		return fmt.Errorf("%s holds a record that this node made by itself, and its outbox does not have all of it any more, so that a federation can't be handed it: "+
			"begin a federation here (--bootstrap), which the others join; or, to give that record up, move %s away", path, StateFile)
	}
	aside := filepath.Join(options.Dir, AloneFile)
	if _, err := os.Stat(aside); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is to be put aside as %s, which is there already: move that away", path, AloneFile)
	}
	options.Log.Info("what this node recorded by itself will be handed to the federation", "records", applied[store], "kept", aside)
	return os.Rename(path, aside)
}

// ownPositions is how far each store's records are applied in a state that follows
// no server's log; nothing of one that does.
func ownPositions(path string) (applied map[StoreID]Sequence, err error) {
	err = look(path, func(tx *bbolt.Tx) error {
		positions := tx.Bucket(appliedBucket)
		if positions == nil || owner(tx) != "" {
			return nil
		}
		applied = make(map[StoreID]Sequence)
		return positions.ForEach(func(k, v []byte) error {
			applied[StoreID(k)] = sequenceOf(v)
			return nil
		})
	})
	return applied, err
}

// span is the oldest record in the outbox, or the one that would be, and the last.
func (o *Outbox) span() (first, last Sequence, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(outboxBucket)
		last = Sequence(bucket.Sequence())
		first = last + 1
		if k, _ := bucket.Cursor().First(); k != nil {
			first = sequenceOf(k)
		}
		return nil
	})
	return first, last, err
}
