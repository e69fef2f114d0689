package bench

import (
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"starling/accounting"
	"starling/consensus"
)

// growAtOnce is how many sessions are recorded in one transaction: a million through the log, 2,000 at a time, would write
// each page of the file a hundred times.
const growAtOnce = 20_000

// grow records the sessions of a history from one number to another in the state of a data directory, in larger
// transactions than the log's and without fsync. No node may have it open.
func grow(data string, from, to int) (err error) {
	if err := prepare(data); err != nil {
		return err
	}
	db, err := bbolt.Open(filepath.Join(data, consensus.StateFile), 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for n := from; n < to; {
		if err := db.Update(func(tx *bbolt.Tx) error {
			batch := accounting.NewBatch(growing{tx.Bucket([]byte("state"))}) // which the log has made
			for end := min(to, n+growAtOnce); n < end; n++ {
				for _, c := range charged(n) {
					if _, err := batch.Apply(c); err != nil {
						return err
					}
				}
			}
			return batch.Flush()
		}); err != nil {
			return err
		}
	}
	return nil
}

// prepare has the log make the state's file, if there is none.
func prepare(data string) (err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	own, err := os.MkdirTemp(filepath.Dir(data), "outbox-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	db, err := bbolt.Open(filepath.Join(own, "sessions.db"), 0o600, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	outbox, err := consensus.NewOutbox(db, consensus.OutboxOptions{})
	if err != nil {
		return err
	}
	log, err := consensus.OpenLocal(consensus.Options{Node: "bench", Dir: data, Outbox: outbox, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return err
	}
	return log.Close()
}

// growing is the state's bucket, in which a batch gets and puts, and does nothing else.
type growing struct{ *bbolt.Bucket }

func (growing) Scan(accounting.Range) iter.Seq2[[]byte, []byte] {
	return func(func(k, v []byte) bool) {}
}
