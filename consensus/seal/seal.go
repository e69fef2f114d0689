// Package seal tells whether a record that was stored is as it was written. bbolt has no
// checksums of its own, and of a bit that a disk has flipped in a number no decoder says
// anything.
//
// Records are JSON objects, lists or numbers without white space around them, and their checksum follows them as
// white space: two bits in each of sixteen blanks. So programs that know nothing of it
// read the same records as before, and a node can go back to one of them.
package seal

import (
	"bytes"
	"hash/crc32"
)

// blanks are the four that JSON has; each stands for two bits.
const blanks = " \t\n\r"

// size is how many blanks a checksum of 32 bits takes.
const size = 16

// Seal puts its checksum after a record.
func Seal(record []byte) []byte {
	value := append(make([]byte, 0, len(record)+size), record...)
	for sum := crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli)); len(value) < cap(value); sum >>= 2 {
		value = append(value, blanks[sum&3])
	}
	return value
}

// Open is the record in a value, and whether it is as it was written. What has no
// checksum, as older programs have written it, is taken as it is. It shares memory with
// the value.
func Open(value []byte) (record []byte, whole bool) {
	// One flipped bit is not to make a record look as if it never had a checksum.
	if last := value[max(0, len(value)-2):]; !bytes.ContainsAny(last, blanks) {
		return value, true
	}
	if len(value) < size {
		return nil, false
	}
	record = value[:len(value)-size]
	return record, bytes.Equal(Seal(record), value)
}
