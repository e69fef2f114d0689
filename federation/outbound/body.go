package outbound

import (
	"io"
	"strconv"
)

// bounded is a body that may not be longer than it should.
type bounded struct {
	io.ReadCloser
	host       string
	left, most int64
}

// Read implements io.Reader. One byte more than there may be is asked for, to
// tell a body that is as long from one that is longer.
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		err = &Refusal{Host: b.host, Why: "answers with more than the " + strconv.FormatInt(b.most, 10) + " bytes that are taken"}
	}
	b.left -= int64(n)
	return n, err
}
