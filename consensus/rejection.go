package consensus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"
)

// A Rejection is a record that accounting refused.
type Rejection struct {
	Index    uint64   `json:"index"` // its place in the log
	Store    StoreID  `json:"store"`
	Sequence Sequence `json:"sequence"`
	Reason   string   `json:"reason"`
	Command  string   `json:"command"` // as it came, cut to 4 KiB

	err error // the reason, as long as it is at hand
}

// keptRejections bounds how many are kept; the oldest go first.
const keptRejections = 10_000

// keptCommand bounds how much is kept of a refused command, in bytes.
const keptCommand = 4096

func reject(c *change, index uint64, store StoreID, r record, reason error) (Rejection, error) {
	refused := c.rows(rejectedBucket)
	rejection := Rejection{
		Index: index, Store: store, Sequence: r.sequence,
		Reason: reason.Error(), Command: string(r.command[:min(len(r.command), keptCommand)]), err: reason,
	}
	value, err := json.Marshal(rejection)
	if err != nil {
		return rejection, err
	}
	n, err := refused.next()
	if err != nil {
		return rejection, err
	}
	if n > keptRejections {
		if err := refused.Delete(Sequence(n - keptRejections).bytes()); err != nil {
			return rejection, err
		}
	}
	return rejection, refused.Put(Sequence(n).bytes(), value)
}

// rejections are the newest refused records, newest first.
func (f *stateFile) rejections(limit int) (list []Rejection, err error) {
	err = f.view(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(rejectedBucket).Cursor()
		for k, v := cursor.Last(); k != nil && len(list) < limit; k, v = cursor.Prev() {
			var r Rejection
			if err := json.Unmarshal(v, &r); err != nil {
				return fmt.Errorf("rejected record %d: %w: %w", binary.BigEndian.Uint64(k), ErrCorrupt, err)
			}
			list = append(list, r)
		}
		return nil
	})
	return list, err
}
