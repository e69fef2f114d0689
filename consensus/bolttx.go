package consensus

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"

	"starling/accounting"
)

// boltTx is a bucket as accounting's ordered transaction.
type boltTx struct {
	bucket *bbolt.Bucket
}

var _ accounting.Tx = boltTx{}

func (t boltTx) Get(key []byte) []byte { return t.bucket.Get(key) }

func (t boltTx) Put(key, value []byte) error { return t.bucket.Put(key, value) }

func (t boltTx) Delete(key []byte) error { return t.bucket.Delete(key) }

func (t boltTx) Scan(r accounting.Range) iter.Seq2[[]byte, []byte] {
	if r.Reverse {
		return t.descend(r)
	}
	return func(yield func(k, v []byte) bool) {
		cursor := t.bucket.Cursor()
		for k, v := cursor.Seek(r.From); k != nil; k, v = cursor.Next() {
			if r.To != nil && bytes.Compare(k, r.To) >= 0 || !yield(k, v) {
				return
			}
		}
	}
}

func (t boltTx) descend(r accounting.Range) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		cursor := t.bucket.Cursor()
		for k, v := before(cursor, r.To); k != nil && bytes.Compare(k, r.From) >= 0; k, v = cursor.Prev() {
			if !yield(k, v) {
				return
			}
		}
	}
}

// before finds the greatest key below a bound; nil bounds nothing.
func before(cursor *bbolt.Cursor, bound []byte) (k, v []byte) {
	if bound == nil {
		return cursor.Last()
	}
	if k, _ := cursor.Seek(bound); k == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}
