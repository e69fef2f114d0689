package consensus

import (
	"go.etcd.io/bbolt"

	"starling/accounting"
)

// A change is a transaction that writes to the state and keeps its sum. Nothing else may
// write there.
type change struct {
	tx  *bbolt.Tx
	sum sum
}

// changed has a transaction do something, and stores the sum of what it leaves.
func changed(tx *bbolt.Tx, do func(*change) error) error {
	c := &change{tx: tx}
	if err := c.begin(); err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(sumKey, c.sum.encode(tx.ID()))
}

// begin finds the sum of what the transaction before has left. A new state has none, nor
// one that an older program wrote to: then all of it is read.
func (c *change) begin() (err error) {
	var known bool
	c.sum, known, err = readSum(c.tx.Bucket(metaBucket).Get(sumKey), c.tx.ID()-1)
	if err != nil || known {
		return err
	}
	c.sum, err = sumOf(c.tx)
	return err
}

// rows are those of a bucket, to be changed.
func (c *change) rows(name []byte) rows {
	return rows{boltTx{c.tx.Bucket(name)}, string(name), c.sum.of(string(name))}
}

// rows is a bucket whose part of the sum is kept.
type rows struct {
	boltTx
	name string
	sum  *uint64
}

var _ accounting.Tx = rows{}

// Put is described at accounting.Tx.
func (r rows) Put(key, value []byte) error {
	was := r.stored(key)
	if err := r.bucket.Put(key, value); err != nil {
		return err
	}
	*r.sum += part(r.name, key, value) - was
	return nil
}

// Delete is described at accounting.Tx.
func (r rows) Delete(key []byte) error {
	was := r.stored(key)
	if err := r.bucket.Delete(key); err != nil {
		return err
	}
	*r.sum -= was
	return nil
}

// stored is the part of what stands under a key, 0 if nothing does.
func (r rows) stored(key []byte) uint64 {
	value := r.bucket.Get(key)
	if value == nil {
		return 0
	}
	return part(r.name, key, value)
}

// next counts the bucket's own number up.
func (r rows) next() (uint64, error) {
	n, err := r.bucket.NextSequence()
	if err != nil {
		return 0, err
	}
	if n > 1 {
		*r.sum -= part(r.name, nil, bucketNumber(n-1))
	}
	*r.sum += part(r.name, nil, bucketNumber(n))
	return n, nil
}
