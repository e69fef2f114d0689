package digest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"starling/scheduling"
)

// A reader reads an encoding from its beginning. After the first error it reads only
// zeros, so that the error is looked at once, in the end.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("it is cut short")

func (r *reader) take(n int) []byte {
	if r.err == nil && len(r.rest) < n {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) number(most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.rest)
	switch {
	case size <= 0:
		r.err = errShort
		return 0
	case n > most:
		r.err = fmt.Errorf("%d is more than %d", n, most)
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) resources() scheduling.Resources {
	return scheduling.Resources{
		Cores: int64(r.number(mostAmount)), Memory: int64(r.number(mostAmount)), Storage: int64(r.number(mostAmount)), GPUs: int64(r.number(mostAmount)),
	}
}

// change reads resources as they differ from others.
func (r *reader) change(from scheduling.Resources) scheduling.Resources {
	difference := func() int64 {
		if r.err != nil {
			return 0
		}
		n, size := binary.Varint(r.rest)
		switch {
		case size <= 0:
			r.err = errShort
			return 0
		case n > mostAmount || n < -mostAmount:
			r.err = fmt.Errorf("an amount changes by %d", n)
			return 0
		}
		r.rest = r.rest[size:]
		return n
	}
	return from.Add(scheduling.Resources{Cores: difference(), Memory: difference(), Storage: difference(), GPUs: difference()})
}
