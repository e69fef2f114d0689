package store

import (
	"encoding/binary"

	"errors"
	"fmt"
	"hash/crc32"
)

// ErrDamaged says that the file isn't as it was written. What to do about it is said
// with it.
var ErrDamaged = errors.New("the session store is damaged; restore it from a backup, or move the file aside and start the node without it: " +
	"sessions that are under way here are lost then, and so is what has not been handed over to the record of history and accounts; what has is safe")

// sealed begins a value that has a checksum: its kind, in a byte that begins no JSON,
// the checksum, and then what was stored. bbolt has none of its own, and of a bit that
// a disk has flipped in a number no decoder says anything. What older versions have
// written has none, and is read as it is.
const (
	sealed    = 1
	sealBytes = 1 + 4
)

func checksum(record []byte) uint32 {
	return crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli))
}

// seal puts a checksum before a record.
func seal(record []byte) []byte {
	value := make([]byte, sealBytes, sealBytes+len(record))
	value[0] = sealed
	binary.BigEndian.PutUint32(value[1:], checksum(record))
	return append(value, record...)
}

// unseal is the record in a value, if that is as it was written.
func unseal(value []byte) ([]byte, error) {
	if len(value) == 0 || value[0] != sealed {
		return value, nil
	}
	if len(value) < sealBytes || binary.BigEndian.Uint32(value[1:]) != checksum(value[sealBytes:]) {
		return nil, errors.New("its checksum is wrong")
	}
	return value[sealBytes:], nil
}

// damaged names a record that isn't as it was written.
func damaged(bucket, key []byte, why error) error {
	return fmt.Errorf("record %x of %s: %w: %w", key, bucket, why, ErrDamaged)
}
