package boltfile

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// A head says where everything is. A file has two, of its last two transactions.
type head struct {
	pageSize    uint32
	root        uint64 // page of the bucket that holds the buckets
	free        uint64 // page of the list of free pages, or noList
	end         uint64 // the first page that was never used
	transaction uint64
}

const (
	magic   = 0xED0CDAED
	version = 2
	noList  = ^uint64(0)

	smallestPage, largestPage = 1 << 10, 1 << 24
)

// order is bbolt's: that of the machine.
var order = binary.NativeEndian

// readHead finds the newer of the two heads that are whole; a crash may have left one.
func readHead(file io.ReaderAt) (newest head, err error) {
	first, found := headAt(file, 0)
	if found {
		newest = first
	}
	for size := int64(smallestPage); size <= largestPage; size *= 2 {
		second, whole := headAt(file, size)
		if whole && int64(second.pageSize) == size && second.transaction >= newest.transaction {
			newest, found = second, true
		}
	}
	if !found {
		return head{}, fmt.Errorf("%w: neither of its heads is whole", ErrBroken)
	}
	return newest, nil
}

// headAt reads the head in the page at an offset.
func headAt(file io.ReaderAt, at int64) (h head, whole bool) {
	var data [64]byte
	if _, err := file.ReadAt(data[:], at+pageHeader); err != nil {
		return head{}, false
	}
	sum := fnv.New64a()
	sum.Write(data[:56])
	whole = order.Uint32(data[0:]) == magic && order.Uint32(data[4:]) == version && order.Uint64(data[56:]) == sum.Sum64()
	h = head{
		pageSize: order.Uint32(data[8:]), root: order.Uint64(data[16:]), free: order.Uint64(data[32:]),
		end: order.Uint64(data[40:]), transaction: order.Uint64(data[48:]),
	}
	return h, whole && h.pageSize >= smallestPage && h.pageSize <= largestPage
}
