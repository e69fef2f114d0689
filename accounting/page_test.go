package accounting

import (
	"encoding/binary"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// barren is a view of more rows than one query looks at.
type barren struct {
	View
	looked int
}

func (b *barren) Scan(span Range) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, row []byte) bool) {
		for n := uint32(0); n < maxExamined+10; n++ {
			k := binary.BigEndian.AppendUint32([]byte{'x'}, n)
			if string(k) >= string(span.From) && !yield(k, nil) {
				return
			}
		}
	}
}

// Whoever looks for what there is nothing of costs a bounded number of rows, and is
// told where to go on.
func TestAPageLooksAtABoundedNumberOfRows(t *testing.T) {
	view := &barren{}
	nothing := func([]byte) (one int, wanted bool, err error) {
		view.looked++
		return 0, false, nil
	}
	page, next, err := pageOf(view, Prefix([]byte{'x'}), 10, nothing)
	require.NoError(t, err)
	assert.Empty(t, page)
	assert.Equal(t, maxExamined, view.looked)
	rest, err := next.after(Prefix([]byte{'x'}))
	require.NoError(t, err)
	_, next, err = pageOf(view, rest, 10, nothing)
	require.NoError(t, err)
	assert.Empty(t, next, "the end")
	assert.Equal(t, maxExamined+10, view.looked, "each once")
}
