package accounting

import "iter"

// A View reads an ordered set of keys and values.
//
// The slices it hands out belong to it: they are not to be changed, and are
// good until the next write or the end of the transaction, whichever is first.
type View interface {
	// Get returns the value under key, nil if there is none. Values are never
	// nil, but may be empty.
	Get(key []byte) []byte

	// Scan walks the keys of a range in bytewise order, or backwards. Nothing
	// may be written while a scan is under way.
	Scan(Range) iter.Seq2[[]byte, []byte]
}

// A Tx is a View that can be written. Its owner commits it or throws it away.
type Tx interface {
	View

	// Put stores value under key, instead of any other. Both are copied or
	// left alone by the caller until the transaction ends.
	Put(key, value []byte) error

	// Delete removes a key. That it isn't there is no error.
	Delete(key []byte) error
}

// A Range is the keys k with From <= k < To. A nil To means no upper end.
type Range struct {
	From, To []byte
	Reverse  bool
}

// Prefix is the range of all keys that begin with the given bytes.
func Prefix(prefix []byte) Range {
	return Range{From: prefix, To: successor(prefix)}
}

// successor is the least key after all that begin with prefix; nil if none is.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] == 0xff {
			continue
		}
		next := append([]byte(nil), prefix[:i+1]...)
		next[i]++
		return next
	}
	return nil
}
