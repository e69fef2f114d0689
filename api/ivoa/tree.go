package ivoa

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// node is one value of a document in any of the three forms: what the readers
// make and the binder turns into Go values.
type node struct {
	form   form
	pos    int      // where it stands, in whatever unit the reader counts
	text   string   // of a scalar, as it was written
	number string   // of a number, as JSON writes it
	names  []string // of an object's members
	items  []node   // an object's members or a list's entries

	twice    bool // in XML, another member has its name
	gathered bool // in XML, a list that was made of members of one name
}

// member returns a member of an object, or nil.
func (n *node) member(name string) *node {
	for i := range n.names {
		if n.names[i] == name {
			return &n.items[i]
		}
	}
	return nil
}

func (n *node) add(name string, value node) {
	n.names = append(n.names, name)
	n.items = append(n.items, value)
}

// String names the node's form for people.
func (f form) String() string {
	return [...]string{"null", "true or false", "a number", "text", "a list", "an object",
		"a whole number", "a number", "a date and time", "any value", "a map", "an object"}[f]
}

// budget counts what a document has cost so far.
type budget struct {
	limits Limits
	values int
	bytes  int
}

// spend counts one value at a depth, whose text has some length.
func (b *budget) spend(depth, length int) error {
	b.values++
	b.bytes += length
	switch {
	case depth > b.limits.Depth:
		return &SyntaxError{Limit: true, Message: fmt.Sprintf("values are nested more than %d deep", b.limits.Depth)}
	case b.values > b.limits.Values:
		return &SyntaxError{Limit: true, Message: fmt.Sprintf("there are more than %d values", b.limits.Values)}
	case b.bytes > b.limits.Bytes:
		return &SyntaxError{Limit: true, Message: fmt.Sprintf("the values are more than %d bytes long", b.limits.Bytes)}
	}
	return nil
}

// trail is the way from the document's root to a value.
type trail []step

type step struct {
	name  string
	index int // of a list entry; -1 for a member
}

// String returns the trail as a JSON pointer.
func (t trail) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(clip(s.name)))
	}
	return b.String()
}

// lineOf counts the lines of body up to an offset.
func lineOf(body []byte, offset int) int {
	return 1 + bytes.Count(body[:max(0, min(offset, len(body)))], []byte{'\n'})
}
