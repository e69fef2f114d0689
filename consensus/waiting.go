package consensus

import (
	"encoding/binary"
	"time"
)

// A record that waits in the outbox is the time at which it was written, in Unix ms, a
// checksum, and the command: what a disk has changed must not become everybody's
// history. Those that older versions have written have no checksum, nor the mark that
// there is one, in a bit that no time reaches.
const (
	sealedMark  = 1 << 63
	stampBytes  = 8
	sealedBytes = stampBytes + 4
)

func sealRecord(at time.Time, command []byte) []byte {
	value := make([]byte, 0, sealedBytes+len(command))
	value = binary.BigEndian.AppendUint64(value, sealedMark|uint64(max(0, at.UnixMilli())))
	value = binary.BigEndian.AppendUint32(value, checksum(command))
	return append(value, command...)
}

// writtenIn is when a record was written.
func writtenIn(value []byte) (time.Time, bool) {
	if len(value) < stampBytes {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(value) &^ sealedMark)), true
}

// commandIn is a record's command, if it is as it was written.
func commandIn(value []byte) ([]byte, bool) {
	switch {
	case len(value) < stampBytes:
		return nil, false
	case binary.BigEndian.Uint64(value)&sealedMark == 0:
		return value[stampBytes:], true
	case len(value) < sealedBytes:
		return nil, false
	}
	command := value[sealedBytes:]
	return command, binary.BigEndian.Uint32(value[stampBytes:]) == checksum(command)
}
