// Package accountingtest has an ordered transaction in memory, and the tests
// that every implementation of accounting.Tx must pass.
package accountingtest

import (
	"bytes"
	"iter"
	"slices"

	"starling/accounting"
)

// Map is an ordered transaction over a map: all in memory, written at once,
// never rolled back. It is not for several goroutines.
type Map struct {
	values map[string][]byte
	keys   []string // in order, unless stale
	stale  bool
}

var _ accounting.Tx = (*Map)(nil)

// NewMap makes an empty one.
func NewMap() *Map { return &Map{values: make(map[string][]byte)} }

// Get is described at accounting.View.
func (m *Map) Get(key []byte) []byte { return m.values[string(key)] }

// Put is described at accounting.Tx.
func (m *Map) Put(key, value []byte) error {
	k := string(key)
	if _, known := m.values[k]; !known {
		m.stale = true
	}
	m.values[k] = append([]byte{}, value...)
	return nil
}

// Delete is described at accounting.Tx.
func (m *Map) Delete(key []byte) error {
	delete(m.values, string(key))
	m.stale = true
	return nil
}

// Scan is described at accounting.View.
func (m *Map) Scan(r accounting.Range) iter.Seq2[[]byte, []byte] {
	keys := m.sorted()
	from, _ := slices.BinarySearch(keys, string(r.From))
	to := len(keys)
	if r.To != nil {
		to, _ = slices.BinarySearch(keys, string(r.To))
	}
	return func(yield func(k, v []byte) bool) {
		for i := range max(0, to-from) {
			k := keys[from+i]
			if r.Reverse {
				k = keys[to-1-i]
			}
			if !yield([]byte(k), m.values[k]) {
				return
			}
		}
	}
}

func (m *Map) sorted() []string {
	if m.stale {
		m.keys = m.keys[:0:0]
		for k := range m.values {
			m.keys = append(m.keys, k)
		}
		slices.Sort(m.keys)
		m.stale = false
	}
	return m.keys
}

// Dump writes all keys and values in order: equal states have equal dumps.
func Dump(view accounting.View) []byte {
	var out bytes.Buffer
	for k, v := range view.Scan(accounting.Range{}) {
		out.Write(k)
		out.WriteByte('=')
		out.Write(v)
		out.WriteByte('\n')
	}
	return out.Bytes()
}
