package consensus

import (
	"encoding/binary"
	"time"

	"starling/consensus/seal"
)

// A record that waits in the outbox is the time at which it was written, in Unix ms, and
// the command, sealed: what a disk has changed must not become everybody's history.
const stampBytes = 8

func sealRecord(at time.Time, command []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli())), seal.Seal(command)...)
}

// writtenIn is when a record was written.
func writtenIn(value []byte) (time.Time, bool) {
	if len(value) < stampBytes {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(value))), true
}

// commandIn is a record's command, if it is as it was written.
func commandIn(value []byte) ([]byte, bool) {
	if len(value) < stampBytes {
		return nil, false
	}
	return seal.Open(value[stampBytes:])
}
