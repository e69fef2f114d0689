package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"go.etcd.io/bbolt"

	"starling/consensus/boltfile"
)

// readWhole reads all of a bbolt file before bbolt does, which would be led astray by what
// is wrong in it, and returns its last transaction. A file that isn't there is whole.
func readWhole(path string, row func(boltfile.Row)) (transaction int, err error) {
	file, err := os.Open(path)
	if missing(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	err = guard(func() error {
		// Nobody writes to it meanwhile.
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: openTimeout})
		if err != nil {
			return explain(err)
		}
		last, err := boltfile.Read(file, info.Size(), row)
		if err != nil {
			err = fmt.Errorf("%w: %w; restore it from a backup", ErrCorrupt, err)
		}
		transaction = int(last)
		return errors.Join(err, db.Close())
	})
	return transaction, err
}

// largeState takes seconds to read.
const largeState = 1 << 30

// verifyState reads all of a state, before anything of it is served, and compares it with
// its sum, where that is known: what an older program has written last can't be told.
func verifyState(path string, log *slog.Logger) error {
	if info, err := os.Stat(path); err == nil && info.Size() >= largeState {
		log.Info("all of the state is read before any of it is served", "file", path, "bytes", info.Size())
	}
	var found sum
	var stored []byte
	transaction, err := readWhole(path, func(r boltfile.Row) {
		if r.Bucket == string(metaBucket) && bytes.Equal(r.Key, sumKey) {
			stored = bytes.Clone(r.Value)
		}
		found.add(r.Bucket, r.Key, r.Value)
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	want, known, err := readSum(stored, transaction)
	if err == nil && known && found != want {
		err = fmt.Errorf("%w: it does not hold what was written to it", ErrCorrupt)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w; restore it from a backup", path, err)
	}
	return nil
}
