package consensus

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// A life is one opening of an outbox for the replicated log. Each has a store id
// of its own, so that the numbers given after a restore from a backup are never
// taken for those given before it: a node that is cut off can't ask which were.
type life struct {
	store StoreID
	first Sequence // its first record in the outbox's own numbers
}

// livesBucket holds the lives whose records may still wait: first -> StoreID.
var livesBucket = []byte("outbox-lives")

// begin starts a new life and forgets those whose records are all trimmed.
func (o *Outbox) begin() (lives []life, err error) {
	id, err := mint(o.random)
	if err != nil {
		return nil, err
	}
	err = o.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(livesBucket)
		if err != nil {
			return err
		}
		meta, records := tx.Bucket(outboxMeta), tx.Bucket(outboxBucket)
		if k, _ := bucket.Cursor().First(); k == nil { // what a log of its own has numbered
			if err := bucket.Put(Sequence(1).bytes(), meta.Get(storeKey)); err != nil {
				return err
			}
		}
		next := Sequence(records.Sequence()) + 1
		if err := bucket.Put(next.bytes(), []byte(id)); err != nil { // in place of one without records
			return err
		}
		cursor := bucket.Cursor()
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			lives = append(lives, life{StoreID(v), sequenceOf(k)})
		}
		oldest := next
		if k, _ := records.Cursor().First(); k != nil {
			oldest = sequenceOf(k)
		}
		for len(lives) > 1 && lives[1].first <= oldest {
			if err := bucket.Delete(lives[0].first.bytes()); err != nil {
				return err
			}
			lives = lives[1:]
		}
		return meta.Put(storeKey, []byte(id))
	})
	if err != nil {
		return nil, fmt.Errorf("begin a new life of the outbox: %w", err)
	}
	return lives, nil
}

// reached is how much of an outbox is applied, in its own numbers, when so much
// of each store is.
func reached(lives []life, applied func(StoreID) Sequence) Sequence {
	for i, l := range lives {
		done := l.first - 1 + applied(l.store)
		if i == len(lives)-1 {
			return done
		}
		if end := lives[i+1].first - 1; done < end {
			return done
		}
	}
	return 0
}

// lifeOf is the life that a record belongs to, and the first number after it;
// 0 if it is the present one.
func lifeOf(lives []life, n Sequence) (l life, end Sequence) {
	i, found := slices.BinarySearchFunc(lives, n, func(l life, n Sequence) int { return int(int64(l.first) - int64(n)) })
	if !found {
		i--
	}
	if i+1 < len(lives) {
		end = lives[i+1].first
	}
	return lives[max(0, i)], end
}

// next is the group that follows a record, up to the bounds, under the names that
// the log knows; without commands if nothing waits. more reports whether more
// does.
func (o *Outbox) next(lives []life, n Sequence, most, mostBytes int) (g group, more bool, err error) {
	batch, more, err := o.after(n, most, mostBytes)
	if err != nil || len(batch) == 0 {
		return group{}, false, err
	}
	l, end := lifeOf(lives, batch[0].sequence)
	g = group{store: l.store, first: batch[0].sequence - l.first + 1}
	for i, r := range batch {
		if end != 0 && r.sequence >= end {
			return g, true, nil
		}
		if r.sequence != batch[0].sequence+Sequence(i) {
			return group{}, false, fmt.Errorf("record %d of the outbox is followed by %d: %w", r.sequence-1, r.sequence, ErrCorrupt)
		}
		g.commands = append(g.commands, r.command)
	}
	return g, more, nil
}
