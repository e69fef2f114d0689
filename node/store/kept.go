package store

import "starling/federation/identity"

// PutKept stores what is known of storage that outlives its session.
func (tx *Tx) PutKept(k *Kept) error { return tx.put(bucketKept, k.ID[:], k) }

// DeleteKept forgets storage that has been released.
func (tx *Tx) DeleteKept(id identity.UUID) error { return tx.Bucket(bucketKept).Delete(id[:]) }

// Kept reads all storage that outlives its session.
func (tx *Tx) Kept() ([]*Kept, error) {
	var all []*Kept
	err := tx.Bucket(bucketKept).ForEach(func(key, _ []byte) error {
		var k Kept
		if _, err := tx.get(bucketKept, key, &k); err != nil {
			return err
		}
		all = append(all, &k)
		return nil
	})
	return all, err
}
