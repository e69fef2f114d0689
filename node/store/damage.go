package store

import (
	"errors"
	"fmt"
)

// ErrDamaged says that the file isn't as it was written. What to do about it is said
// with it.
var ErrDamaged = errors.New("the session store is damaged; restore it from a backup, or move the file aside and start the node without it: " +
	"sessions that are under way here are lost then, and so is what has not been handed over to the record of history and accounts; what has is safe")

var errChecksum = errors.New("its checksum is wrong")

// damaged names a record that isn't as it was written.
func damaged(bucket, key []byte, why error) error {
	return fmt.Errorf("record %x of %s: %w: %w", key, bucket, why, ErrDamaged)
}
