package consensus

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"
)

// A sum tells whether the state is what was written: every row has a part in it, and
// whoever writes one takes the old part out and puts the new one in, so that nothing else
// need be read. One damage in 2⁶⁴ goes unnoticed. Against people it is no help.
type sum struct {
	// record is of what all nodes have alike at the same entry: accounting's rows, and
	// how far each store's are applied.
	record uint64
	rest   uint64
}

// of is where a bucket's rows have their part.
func (s *sum) of(bucket string) *uint64 {
	if bucket == string(stateBucket) || bucket == string(appliedBucket) {
		return &s.record
	}
	return &s.rest
}

// part is what a row adds. The seed is the key's length, so that no other row has the same
// bytes. The row without a key is the bucket's own number, if it has one.
func part(bucket string, key, value []byte) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(uint64(len(key)))
	_, _ = d.WriteString(bucket)
	_, _ = d.Write(key)
	_, _ = d.Write(value)
	return d.Sum64()
}

// add takes up a row as it is read. The sum itself is none.
func (s *sum) add(bucket string, key, value []byte) {
	if bucket == string(metaBucket) && string(key) == string(sumKey) {
		return
	}
	*s.of(bucket) += part(bucket, key, value)
}

// sumOf reads the whole of a state.
func sumOf(tx *bbolt.Tx) (s sum, err error) {
	err = tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
		if n := bucket.Sequence(); n != 0 {
			s.add(string(name), nil, bucketNumber(n))
		}
		return bucket.ForEach(func(k, v []byte) error { s.add(string(name), k, v); return nil })
	})
	return s, err
}

// bucketNumber is a bucket's own number, as a row's value.
func bucketNumber(n uint64) []byte { return binary.NativeEndian.AppendUint64(nil, n) }

// sumKey is where the state's meta bucket has the sum.
var sumKey = []byte("sum") // -> transaction, record, rest, checksum of these

const sumBytes = 4 * 8

// encode names the transaction that leaves the state so: an older program writes the state
// without its sum, which then is of an earlier one.
func (s sum) encode(transaction int) []byte {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, sumBytes), uint64(transaction))
	value = binary.BigEndian.AppendUint64(value, s.record)
	value = binary.BigEndian.AppendUint64(value, s.rest)
	return binary.BigEndian.AppendUint64(value, xxhash.Sum64(value))
}

// readSum reads what encode wrote; known is false where it is not of that transaction.
func readSum(value []byte, transaction int) (s sum, known bool, err error) {
	if value == nil {
		return sum{}, false, nil
	}
	if len(value) != sumBytes || binary.BigEndian.Uint64(value[24:]) != xxhash.Sum64(value[:24]) {
		return sum{}, false, fmt.Errorf("%w: its sum is none", ErrCorrupt)
	}
	s = sum{record: binary.BigEndian.Uint64(value[8:]), rest: binary.BigEndian.Uint64(value[16:])}
	return s, binary.BigEndian.Uint64(value) == uint64(transaction), nil
}

// recordSum is the sum of what all nodes have alike, and the entry at which they do;
// nothing where it isn't known.
func (f *stateFile) recordSum() (found RecordSum, err error) {
	err = f.view(func(tx *bbolt.Tx) error {
		s, known, err := readSum(tx.Bucket(metaBucket).Get(sumKey), tx.ID())
		if known {
			found = RecordSum{Entry: raftPosition(tx).index, Sum: fmt.Sprintf("%016x", s.record)}
		}
		return err
	})
	return found, err
}
