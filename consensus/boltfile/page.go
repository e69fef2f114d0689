package boltfile

import "fmt"

// A page begins with its number (8 bytes), its kind (2), how many elements it has (2) and
// how many pages after it belong to it (4).
const pageHeader = 16

// The kinds of pages.
const (
	branchPage = 0x01
	leafPage   = 0x02
	listPage   = 0x10
)

// A page is the bytes of one, those that belong to it included.
type page []byte

func (p page) number() uint64 { return order.Uint64(p) }
func (p page) kind() uint16   { return order.Uint16(p[8:]) }
func (p page) count() int     { return int(order.Uint16(p[10:])) }
func (p page) more() uint64   { return uint64(order.Uint32(p[12:])) }

// elementSize is that of both kinds of elements, which begin after the header.
const elementSize = 16

// A branch's element is where its key is, from the element on (4 bytes), the key's length
// (4) and the page that holds what comes from this key on (8).
func (p page) child(i int) (key []byte, number uint64, err error) {
	e, err := p.part(pageHeader+i*elementSize, 0, elementSize)
	if err != nil {
		return nil, 0, err
	}
	key, err = p.part(pageHeader+i*elementSize, order.Uint32(e), order.Uint32(e[4:]))
	return key, order.Uint64(e[8:]), err
}

// A leaf's element is whether its value is a bucket (4 bytes), where its key is, from the
// element on (4), the key's length (4) and that of the value after it (4).
func (p page) item(i int) (key, value []byte, bucket bool, err error) {
	e, err := p.part(pageHeader+i*elementSize, 0, elementSize)
	if err != nil {
		return nil, nil, false, err
	}
	flags, at, keySize, valueSize := order.Uint32(e), order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
	if flags > 1 {
		return nil, nil, false, fmt.Errorf("%w: page %d has an element of kind %#x", ErrBroken, p.number(), flags)
	}
	if key, err = p.part(pageHeader+i*elementSize, at, keySize); err != nil {
		return nil, nil, false, err
	}
	value, err = p.part(pageHeader+i*elementSize+int(at), keySize, valueSize)
	return key, value, flags == 1, err
}

// part is a range of a page.
func (p page) part(from int, after, size uint32) ([]byte, error) {
	begin := uint64(from) + uint64(after)
	end := begin + uint64(size)
	if end > uint64(len(p)) {
		return nil, fmt.Errorf("%w: page %d points behind its end", ErrBroken, p.number())
	}
	return p[begin:end:end], nil
}
