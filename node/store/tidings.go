package store

import (
	"bytes"

	"github.com/go-json-experiment/json"

	"starling/consensus/seal"
)

// PutTiding stores what another node is to be told, in the place of what it was to
// be told of the same offers before.
func (tx *Tx) PutTiding(t *Tiding) error { return tx.put(bucketTidings, t.key(), t) }

// DeleteTiding forgets what another node has been told, unless it is to be told
// something else by now.
func (tx *Tx) DeleteTiding(t *Tiding) error {
	told, err := json.Marshal(t)
	if err != nil {
		return err
	}
	key := t.key()
	stored, whole := seal.Open(tx.Bucket(bucketTidings).Get(key))
	if !whole {
		return damaged(bucketTidings, key, errChecksum)
	}
	if !bytes.Equal(stored, told) {
		return nil
	}
	return tx.Bucket(bucketTidings).Delete(key)
}

// Tidings reads all that other nodes are to be told.
func (tx *Tx) Tidings() ([]*Tiding, error) {
	var all []*Tiding
	err := tx.Bucket(bucketTidings).ForEach(func(key, _ []byte) error {
		var t Tiding
		_, err := tx.get(bucketTidings, key, &t)
		all = append(all, &t)
		return err
	})
	return all, err
}

// key tells what is told of one set to one node from all else.
func (t *Tiding) key() []byte {
	about := byte('k')
	if !t.Accepted.IsZero() {
		about = 'a'
	}
	key := make([]byte, 0, len(t.Node)+1+len(t.Set)+1)
	return append(append(append(append(key, t.Node...), 0), t.Set[:]...), about)
}
