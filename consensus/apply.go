package consensus

import (
	"errors"
	"fmt"

	"starling/accounting"
)

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
	err = f.update(func(c *change) error {
		done, err = applyBatch(c, store, batch)
		return err
	})
	return done, err
}

func applyBatch(c *change, store StoreID, batch []record) (outcome, error) {
	meta, positions := c.rows(metaBucket), c.rows(appliedBucket)
	state := accounting.NewBatch(c.rows(stateBucket))
	done := outcome{
		applied: sequenceOf(positions.Get([]byte(store))),
		index:   uint64(sequenceOf(meta.Get(indexKey))),
	}
	version := appliedVersion(c.tx)
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
		_, err := state.ApplyEncoded(r.command)
		if err == nil {
			version = max(version, accounting.VersionOf(r.command))
			continue
		}
		if !accounting.Refused(err) {
			return done, fmt.Errorf("apply record %d of store %s: %w", r.sequence, store, err)
		}
		rejection, err := reject(c, done.index, store, r, err)
		if err != nil {
			return done, err
		}
		done.rejected = append(done.rejected, rejection)
	}
	if done.records == 0 {
		return done, nil
	}
	if version > appliedVersion(c.tx) {
		if err := meta.Put(versionKey, Sequence(version).bytes()); err != nil {
			return done, err
		}
	}
	return done, errors.Join(
		state.Flush(),
		positions.Put([]byte(store), done.applied.bytes()),
		meta.Put(indexKey, Sequence(done.index).bytes()))
}
