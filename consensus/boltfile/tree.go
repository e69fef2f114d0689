package boltfile

import (
	"bytes"
	"fmt"
	"io"
)

// A tree is a file while it is read.
type tree struct {
	file io.ReaderAt
	head head
	used []bool // pages, by number: those that have been met, and the free ones
	row  func(Row)
	// One buffer for each level, since a branch is read while its children are.
	buffers [][]byte
}

// A span is what keys may be: from the first on, up to but without the end. nil bounds
// nothing.
type span struct{ from, to []byte }

// hold reports whether a key may follow another; nil comes before all.
func (s span) hold(before, key []byte) bool {
	return len(key) > 0 && bytes.Compare(before, key) < 0 &&
		bytes.Compare(s.from, key) <= 0 && (s.to == nil || bytes.Compare(key, s.to) < 0)
}

// deepest bounds how deep pages may lie below each other: a tree of that depth has more
// rows than any disk has room for.
const deepest = 64

// largest bounds what is read at once, in bytes: the list of the free pages of a file of
// 100 GB, or a row that is far larger than any of ours.
const largest = 256 << 20

// load reads a page and those that belong to it, which nobody else may have.
func (t *tree) load(number uint64, level int) (page, error) {
	if number < 2 || number >= t.head.end || level >= deepest {
		return nil, fmt.Errorf("%w: something is said to be in page %d of %d, at level %d", ErrBroken, number, t.head.end, level)
	}
	size, at := int64(t.head.pageSize), int64(number)*int64(t.head.pageSize)
	p, err := t.read(level, at, size)
	if err != nil {
		return nil, err
	}
	if p.number() != number || p.more() >= t.head.end-number {
		return nil, fmt.Errorf("%w: page %d says that it is %d, and %d more", ErrBroken, number, p.number(), p.more())
	}
	if size*int64(p.more()) > largest {
		return nil, fmt.Errorf("%w: page %d says that it has %d more", ErrBroken, number, p.more())
	}
	for n := number; n <= number+p.more(); n++ {
		if t.used[n] {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrBroken, n)
		}
		t.used[n] = true
	}
	if p.more() == 0 {
		return p, nil
	}
	return t.read(level, at, size*int64(1+p.more()))
}

func (t *tree) read(level int, at, size int64) (page, error) {
	for len(t.buffers) <= level {
		t.buffers = append(t.buffers, nil)
	}
	if int64(cap(t.buffers[level])) < size {
		t.buffers[level] = make([]byte, size)
	}
	p := t.buffers[level][:size]
	if _, err := t.file.ReadAt(p, at); err != nil {
		return nil, fmt.Errorf("read page %d: %w", at/int64(t.head.pageSize), err)
	}
	return p, nil
}

// free takes the list of free pages for used, if the file has one.
func (t *tree) free() error {
	if t.head.free == noList {
		return nil
	}
	p, err := t.load(t.head.free, 0)
	if err != nil {
		return err
	}
	if p.kind() != listPage {
		return fmt.Errorf("%w: page %d is no list of free pages", ErrBroken, t.head.free)
	}
	const idSize, long = 8, 0xFFFF
	ids, count := p[pageHeader:], uint64(p.count())
	if count == long { // the list's first number is its length
		count, ids = order.Uint64(ids), ids[idSize:]
	}
	if count > uint64(len(ids)/idSize) {
		return fmt.Errorf("%w: %d pages are said to be free", ErrBroken, count)
	}
	for ; count > 0; count, ids = count-1, ids[idSize:] {
		id := order.Uint64(ids)
		if id < 2 || id >= t.head.end || t.used[id] {
			return fmt.Errorf("%w: page %d can't be free", ErrBroken, id)
		}
		t.used[id] = true
	}
	return nil
}

// page reads what is in a page and below it.
func (t *tree) page(number uint64, keys span, bucket string, level int) error {
	p, err := t.load(number, level)
	if err != nil {
		return err
	}
	switch p.kind() {
	case leafPage:
		return t.leaf(p, keys, bucket, level)
	case branchPage:
		return t.branch(p, keys, bucket, level)
	}
	return fmt.Errorf("%w: page %d is of kind %#x", ErrBroken, number, p.kind())
}

func (t *tree) branch(p page, keys span, bucket string, level int) error {
	if p.count() == 0 {
		return fmt.Errorf("%w: page %d leads nowhere", ErrBroken, p.number())
	}
	var before []byte
	for i := range p.count() {
		key, number, err := p.child(i)
		if err != nil {
			return err
		}
		if !keys.hold(before, key) {
			return fmt.Errorf("%w: page %d is out of order", ErrBroken, p.number())
		}
		below := span{key, keys.to}
		if i+1 < p.count() {
			if below.to, _, err = p.child(i + 1); err != nil {
				return err
			}
		}
		if err := t.page(number, below, bucket, level+1); err != nil {
			return err
		}
		before = key
	}
	return nil
}

func (t *tree) leaf(p page, keys span, bucket string, level int) error {
	var before []byte
	for i := range p.count() {
		key, value, isBucket, err := p.item(i)
		if err != nil {
			return err
		}
		if !keys.hold(before, key) {
			return fmt.Errorf("%w: page %d is out of order", ErrBroken, p.number())
		}
		before = key
		if !isBucket {
			t.row(Row{bucket, key, value})
			continue
		}
		path := string(key)
		if bucket != "" {
			path = bucket + "/" + path
		}
		if err := t.bucket(value, path, level); err != nil {
			return fmt.Errorf("bucket %q: %w", path, err)
		}
	}
	return nil
}

// A bucket is the number of its first page (8 bytes) and its own number (8). A small one
// has no page of its own: it stands behind these two.
func (t *tree) bucket(value []byte, path string, level int) error {
	const header, sequence = 16, 8
	if len(value) < header {
		return fmt.Errorf("%w: it has %d bytes", ErrBroken, len(value))
	}
	if order.Uint64(value[sequence:]) != 0 {
		t.row(Row{path, nil, value[sequence:header]})
	}
	if root := order.Uint64(value); root != 0 {
		return t.page(root, span{}, path, level+1)
	}
	p := page(value[header:])
	if len(p) < pageHeader || p.kind() != leafPage {
		return fmt.Errorf("%w: it has neither a page nor rows", ErrBroken)
	}
	return t.leaf(p, span{}, path, level+1)
}
