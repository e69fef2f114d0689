// Package boltfile reads a whole bbolt file without bbolt, and believes nothing that is in
// it. bbolt keeps no checksums but those of its two heads and takes what a page says for
// true: one flipped bit, and it reads another row, ends the program, or takes a page that
// is in use for a free one and writes over it. So a file is read here first.
//
// A file of which Read finds nothing wrong is one tree, all of whose rows bbolt finds under
// their keys, and no page of which it will ever use twice. Whether the rows are what was
// once written is for the caller to tell, who is handed them all.
package boltfile

import (
	"errors"
	"fmt"
	"io"
)

// ErrBroken: the pages of the file make no sense together.
var ErrBroken = errors.New("its pages make no sense")

// A Row is a key and its value in a bucket, whose path has slashes between the names. The
// row without a key is the bucket's own number (bbolt.Bucket.Sequence), if it has one. It
// shares memory with the next row.
type Row struct {
	Bucket     string
	Key, Value []byte
}

// Read reads all rows of a file, in order, as of its last transaction, which it returns.
// The error is ErrBroken, or the reader's.
func Read(file io.ReaderAt, size int64, row func(Row)) (transaction uint64, err error) {
	h, err := readHead(file)
	if err != nil {
		return 0, err
	}
	if uint64(size)/uint64(h.pageSize) < h.end {
		return 0, fmt.Errorf("%w: it has %d of %d bytes", ErrBroken, size, h.end*uint64(h.pageSize))
	}
	t := &tree{file: file, head: h, used: make([]bool, h.end), row: row}
	if err := t.free(); err != nil {
		return 0, err
	}
	if err := t.page(h.root, span{}, "", 0); err != nil {
		return 0, err
	}
	return h.transaction, nil
}
