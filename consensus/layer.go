package consensus

import (
	"bytes"
	"errors"
	"iter"
	"slices"

	"starling/accounting"
)

// A layer is rows that stand over those of a state, hiding those with the same
// keys. It is never changed: one with more rows is another, which shares what it
// can with the first, so that readers need no lock. No command deletes, and so
// no row says that one is gone.
type layer struct {
	tiers []tier // the newest first, and each much longer than the one before it
}

// A tier is rows in the order of their keys, each key once.
type tier struct {
	rows []row
	size int // about how much memory they take, in bytes
}

type row struct{ key, value []byte }

// rowOverhead is what a row takes beside its bytes: two slices' headers, and what
// the allocator rounds up.
const rowOverhead = 80

// with is the layer with newer rows over it.
func (l layer) with(newer tier) layer {
	tiers := l.tiers
	for len(tiers) > 0 && len(tiers[0].rows) <= 2*len(newer.rows) {
		newer = merge(newer, tiers[0])
		tiers = tiers[1:]
	}
	return layer{append([]tier{newer}, tiers...)}
}

// size is about how much memory the layer takes.
func (l layer) size() (bytes int) {
	for _, t := range l.tiers {
		bytes += t.size
	}
	return bytes
}

// merge makes one tier of two.
func merge(newer, older tier) tier {
	merged := tier{rows: make([]row, 0, len(newer.rows)+len(older.rows))}
	w := layer{[]tier{newer, older}}.walk(accounting.Range{})
	for r, ok := w.next(); ok; r, ok = w.next() {
		merged.add(r.key, r.value)
	}
	return merged
}

func (t *tier) add(key, value []byte) {
	t.rows = append(t.rows, row{key, value})
	t.size += len(key) + len(value) + rowOverhead
}

// find is the place of a key in a tier, or of the first after it.
func (t tier) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(t.rows, key, func(r row, key []byte) int { return bytes.Compare(r.key, key) })
}

// get finds the newest row with a key; nil if there is none.
func (l layer) get(key []byte) []byte {
	for _, t := range l.tiers {
		if i, found := t.find(key); found {
			return t.rows[i].value
		}
	}
	return nil
}

// layered is a layer over a state.
type layered struct {
	under accounting.View
	over  layer
}

var _ accounting.Provisional = layered{}

// Get is described at accounting.View.
func (l layered) Get(key []byte) []byte {
	if value := l.over.get(key); value != nil {
		return value
	}
	return l.under.Get(key)
}

// Pending is described at accounting.Provisional.
func (l layered) Pending(key []byte) bool { return l.over.get(key) != nil }

// Scan is described at accounting.View: it merges the two in order.
func (l layered) Scan(r accounting.Range) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		w := l.over.walk(r)
		above, more := w.next()
		for k, v := range l.under.Scan(r) {
			for more && w.before(above.key, k) {
				if !yield(above.key, above.value) {
					return
				}
				above, more = w.next()
			}
			if more && bytes.Equal(above.key, k) {
				v = above.value
				above, more = w.next()
			}
			if !yield(k, v) {
				return
			}
		}
		for more && yield(above.key, above.value) {
			above, more = w.next()
		}
	}
}

// A walk goes through a range of a layer, in one direction.
type walk struct {
	reverse bool
	left    [][]row // of each tier, in the order of their age; what is to come is at the near end
}

func (l layer) walk(r accounting.Range) *walk {
	w := &walk{reverse: r.Reverse}
	for _, t := range l.tiers {
		from, _ := t.find(r.From)
		to := len(t.rows)
		if r.To != nil {
			to, _ = t.find(r.To)
		}
		if from < to {
			w.left = append(w.left, t.rows[from:to])
		}
	}
	return w
}

// before reports whether the walk comes by one key before another.
func (w *walk) before(a, b []byte) bool {
	if w.reverse {
		a, b = b, a
	}
	return bytes.Compare(a, b) < 0
}

// next is the next row: of those with one key, the newest.
func (w *walk) next() (best row, found bool) {
	for _, rows := range w.left {
		if r := w.near(rows); !found || w.before(r.key, best.key) {
			best, found = r, true
		}
	}
	if !found {
		return row{}, false
	}
	kept := w.left[:0]
	for _, rows := range w.left {
		if bytes.Equal(w.near(rows).key, best.key) {
			rows = w.pop(rows)
		}
		if len(rows) > 0 {
			kept = append(kept, rows)
		}
	}
	w.left = kept
	return best, true
}

func (w *walk) near(rows []row) row {
	if w.reverse {
		return rows[len(rows)-1]
	}
	return rows[0]
}

func (w *walk) pop(rows []row) []row {
	if w.reverse {
		return rows[:len(rows)-1]
	}
	return rows[1:]
}

// A writtenTier is a layered view as the transaction of a batch, whose rows it
// gathers. A batch writes in the order of the keys, each once.
type writtenTier struct {
	accounting.View
	tier tier
}

var _ accounting.Tx = (*writtenTier)(nil)

// Put is described at accounting.Tx.
func (w *writtenTier) Put(key, value []byte) error {
	w.tier.add(key, value)
	return nil
}

// Delete is described at accounting.Tx.
func (w *writtenTier) Delete([]byte) error { return errors.New("a layer can't hide rows") }
