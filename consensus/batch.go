package consensus

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A group is commands of one store, in order and without a gap.
type group struct {
	store    StoreID
	first    Sequence
	commands [][]byte
}

// last is the sequence of the group's last command.
func (g group) last() Sequence { return g.first + Sequence(len(g.commands)) - 1 }

// records are the commands under their names.
func (g group) records() []record {
	list := make([]record, len(g.commands))
	for i, c := range g.commands {
		list[i] = record{g.first + Sequence(i), c}
	}
	return list
}

// An entry of the replicated log is a version, a checksum of what follows, and
// groups, each as its store, its first sequence and its commands. Lengths and
// numbers are varints.
const (
	entryVersion = 1
	entryHead    = 5
)

// A function makes the table, so that no package keeps one.
func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

func encodeEntry(groups []group) []byte {
	data := make([]byte, entryHead)
	for _, g := range groups {
		data = appendGroup(data, g)
	}
	data[0] = entryVersion
	binary.BigEndian.PutUint32(data[1:], checksum(data[entryHead:]))
	return data
}

// decodeEntry reads what encodeEntry wrote. The commands share its memory.
func decodeEntry(data []byte) (groups []group, err error) {
	if len(data) < entryHead {
		return nil, fmt.Errorf("%w: an entry of %d bytes", ErrCorrupt, len(data))
	}
	if data[0] != entryVersion {
		return nil, fmt.Errorf("%w: an entry of version %d", ErrTooNew, data[0])
	}
	rest := data[entryHead:]
	if binary.BigEndian.Uint32(data[1:]) != checksum(rest) {
		return nil, fmt.Errorf("%w: the checksum of an entry is wrong", ErrCorrupt)
	}
	for len(rest) > 0 {
		var g group
		if g, rest, err = readGroup(rest); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func appendGroup(data []byte, g group) []byte {
	data = appendBytes(data, []byte(g.store))
	data = binary.AppendUvarint(data, uint64(g.first))
	data = binary.AppendUvarint(data, uint64(len(g.commands)))
	for _, c := range g.commands {
		data = appendBytes(data, c)
	}
	return data
}

func appendBytes(data, value []byte) []byte {
	return append(binary.AppendUvarint(data, uint64(len(value))), value...)
}

// readGroup reads one group and returns what comes after it.
func readGroup(data []byte) (g group, rest []byte, err error) {
	r := reader{data: data}
	g.store = StoreID(r.bytes())
	g.first = Sequence(r.number())
	count := r.number()
	if count > uint64(len(r.data)) { // each takes a byte at least
		return group{}, nil, fmt.Errorf("%w: a group of %d commands in %d bytes", ErrCorrupt, count, len(r.data))
	}
	g.commands = make([][]byte, 0, count)
	for range count {
		g.commands = append(g.commands, r.bytes())
	}
	switch {
	case r.short:
		return group{}, nil, fmt.Errorf("%w: a group is cut short", ErrCorrupt)
	case g.store == "" || len(g.store) > storeBytes || g.first == 0 || count == 0 || g.last() < g.first:
		return group{}, nil, fmt.Errorf("%w: a group of %d commands of store %.40q from %d", ErrCorrupt, count, g.store, g.first)
	}
	return g, r.data, nil
}

// storeBytes bounds the length of a store's id.
const storeBytes = 64

// reader takes numbers and bytes from the front of data, until it is short.
type reader struct {
	data  []byte
	short bool
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.short, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.data)) {
		r.short, r.data = true, nil
		return nil
	}
	value := r.data[:n:n]
	r.data = r.data[n:]
	return value
}
