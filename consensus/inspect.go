package consensus

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"go.etcd.io/bbolt"

	"starling/accounting"
)

// Inspect opens the state of a node that is down, for reading only, as `starling
// debug` does.
func Inspect(dir string, read func(accounting.View) error) (err error) {
	path := filepath.Join(dir, StateFile)
	if err := verifyState(path, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: openTimeout})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, explain(err))
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(stateBucket)
		if bucket == nil {
			return fmt.Errorf("open %s: it holds no state", path)
		}
		return guardFaults(func() error { return read(boltTx{bucket}) })
	})
}
