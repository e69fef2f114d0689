package membership

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errShort says that an encoding ends before what it promises.
var errShort = errors.New("it is cut short")

// appendText appends a text of at most 255 bytes behind its length. What goes in
// has been validated, and is shorter.
func appendText(to []byte, text string) []byte {
	return append(append(to, byte(len(text))), text...)
}

// A cursor reads an encoding from its beginning. After the first error it reads
// only zeros, so that the error is looked at once, in the end.
type cursor struct {
	rest []byte
	err  error
}

// take returns the next n bytes, which belong to the encoding still.
func (c *cursor) take(n int) []byte {
	if c.err == nil && (n < 0 || len(c.rest) < n) {
		c.err = errShort
	}
	if c.err != nil {
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) byte() byte {
	if b := c.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (c *cursor) text() string { return string(c.take(int(c.byte()))) }

// number reads an unsigned number of at most most.
func (c *cursor) number(most uint64) uint64 {
	if c.err != nil {
		return 0
	}
	n, size := binary.Uvarint(c.rest)
	switch {
	case size <= 0:
		c.err = errShort
		return 0
	case n > most:
		c.err = fmt.Errorf("%d is more than %d", n, most)
		return 0
	}
	c.rest = c.rest[size:]
	return n
}

// version reads the layout's number. A later layout begins with another one;
// what is merely added stands behind what there was, and is left unread.
func (c *cursor) version(want byte) {
	if got := c.byte(); c.err == nil && got != want {
		c.err = fmt.Errorf("its layout is %d, this node knows %d", got, want)
	}
}
