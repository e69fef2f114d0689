package store

import "starling/scheduling/transfer"

// PutLearned stores what is learned of how fast data come from a source, and forgets
// of another, "" for none.
func (tx *Tx) PutLearned(l transfer.Learned, forgotten string) error {
	if err := tx.put(bucketLearned, []byte(l.Source), l); err != nil || forgotten == "" {
		return err
	}
	return tx.ForgetLearned([]string{forgotten})
}

// ForgetLearned forgets what is learned of sources.
func (tx *Tx) ForgetLearned(sources []string) error {
	for _, source := range sources {
		if err := tx.Bucket(bucketLearned).Delete([]byte(source)); err != nil {
			return err
		}
	}
	return nil
}

// Learned reads what is learned of all sources.
func (tx *Tx) Learned() ([]transfer.Learned, error) {
	var all []transfer.Learned
	err := tx.Bucket(bucketLearned).ForEach(func(key, _ []byte) error {
		var l transfer.Learned
		_, err := tx.get(bucketLearned, key, &l)
		all = append(all, l)
		return err
	})
	return all, err
}
