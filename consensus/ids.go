package consensus

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

// A StoreID names one life of a session store: 32 hexadecimal digits, minted
// with the store. A store restored from a backup begins another life, since
// its sequences would repeat.
type StoreID string

// A StateID names one state.db in the same way.
type StateID string

// A Sequence numbers the records of one store, from 1 and without gaps.
type Sequence uint64

func (s Sequence) bytes() []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(s))
}

func sequenceOf(b []byte) Sequence {
	if len(b) < 8 {
		return 0
	}
	return Sequence(binary.BigEndian.Uint64(b))
}

func mint(random io.Reader) (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return "", fmt.Errorf("mint an id: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
