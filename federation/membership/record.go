package membership

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"starling/federation/identity"
)

// MaxNote is how many bytes a note may have. With its name, numbers and
// encryption around it, it must still fit into one packet: gossip never sends
// what does not, and doesn't say so.
const MaxNote = 1000

const (
	recordLayout = 1
	flagLeft     = 1 << 0
	// Clocks of milliseconds fit, and there is room above for whoever has to
	// begin after a number that was far too high.
	mostStart    = 1 << 62
	mostSequence = 1 << 62
	mostAge      = uint64(365 * 24 * time.Hour / time.Millisecond)
	mostRecords  = 1000 // in one exchange, as members in a federation
)

// A record is a node's newest note, and whether it has taken leave.
type record struct {
	start    uint64 // of the node's process: its Unix milliseconds, and always more than before
	sequence uint64 // of the note within it, from 1
	left     bool
	note     []byte
}

// compare orders the records of one node: by start, then by number. That two
// differ which are neither can only be somebody's mistake; the order between
// them is arbitrary, and the same everywhere.
func (r record) compare(other record) int {
	return cmp.Or(
		cmp.Compare(r.start, other.start),
		cmp.Compare(r.sequence, other.sequence),
		cmp.Compare(flags(r), flags(other)),
		bytes.Compare(r.note, other.note),
	)
}

func flags(r record) byte {
	if r.left {
		return flagLeft
	}
	return 0
}

// news is a record on its way: whose it is, and how long ago it was made, which
// says more between clocks that differ than the time at which it was.
type news struct {
	name string
	age  time.Duration
	record
}

func (n news) append(to []byte) []byte {
	to = append(to, recordLayout)
	to = appendText(to, n.name)
	to = binary.AppendUvarint(to, n.start)
	to = binary.AppendUvarint(to, n.sequence)
	to = append(to, flags(n.record))
	to = binary.AppendUvarint(to, min(uint64(max(n.age, 0).Milliseconds()), mostAge))
	to = binary.AppendUvarint(to, uint64(len(n.note)))
	return append(to, n.note...)
}

// decodeNews reads one record, and copies what it keeps.
func decodeNews(b []byte) (news, error) {
	c := cursor{rest: b}
	c.version(recordLayout)
	n := news{name: c.text()}
	n.start, n.sequence = c.number(mostStart), c.number(mostSequence)
	n.left = c.byte()&flagLeft != 0
	n.age = time.Duration(c.number(mostAge)) * time.Millisecond
	n.note = bytes.Clone(c.take(int(c.number(MaxNote))))
	if c.err == nil {
		c.err = identity.NodeName(n.name).Validate()
	}
	if c.err != nil {
		return news{}, fmt.Errorf("record of %.63q: %w", n.name, c.err)
	}
	return n, nil
}

// encodeState is what two nodes exchange when they compare all they know.
func encodeState(all []news) []byte {
	b := binary.AppendUvarint([]byte{recordLayout}, uint64(len(all)))
	var one []byte
	for _, n := range all {
		one = n.append(one[:0])
		b = binary.AppendUvarint(b, uint64(len(one)))
		b = append(b, one...)
	}
	return b
}

// decodeState reads it. One bad record spoils all: the sender is broken.
func decodeState(b []byte) ([]news, error) {
	c := cursor{rest: b}
	c.version(recordLayout)
	var all []news
	for range c.number(mostRecords) {
		n, err := decodeNews(c.take(int(c.number(MaxNote + 256))))
		if c.err == nil {
			c.err = err
		}
		if c.err != nil {
			break
		}
		all = append(all, n)
	}
	if c.err != nil {
		return nil, fmt.Errorf("the state of another member: %w", c.err)
	}
	return all, nil
}
