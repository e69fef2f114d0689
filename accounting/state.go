package accounting

import (
	"fmt"
	"maps"
	"slices"
)

// A Result says what a command did.
type Result struct {
	// Duplicate: it had been applied before; nothing changed.
	Duplicate bool `json:"duplicate,omitzero"`
	// Late: the attempt was over; what came was kept as a note at most.
	Late bool `json:"late,omitzero"`
	// Accepted and Duplicates count the updates of RecordUpdates.
	Accepted   int `json:"accepted,omitzero"`
	Duplicates int `json:"duplicates,omitzero"`
}

// Apply carries out one command: all of it, or, with an error, nothing. An
// error for which Refused is true is the answer to the command; any other is
// the store's, and tx is to be thrown away.
func Apply(tx Tx, c Command) (Result, error) {
	b := NewBatch(tx)
	result, err := b.Apply(c)
	if err != nil {
		return Result{}, err
	}
	return result, b.Flush()
}

// ApplyEncoded decodes a command and applies it.
func ApplyEncoded(tx Tx, data []byte) (Result, error) {
	c, err := Decode(data)
	if err != nil {
		return Result{}, err
	}
	return Apply(tx, c)
}

// Try says what Apply would, and changes nothing.
func Try(view View, c Command) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return c.apply(&state{under: view, staged: make(map[string][]byte, 32)})
}

// A Batch applies many commands to one transaction. Rows that several of them
// change, such as an attempt's head or a balance, are written once, when it is
// flushed, and all in the order of their keys, which is what a B+ tree likes
// best. Nothing else may be written to the transaction meanwhile.
type Batch struct {
	tx    Tx
	state state
}

// NewBatch begins one.
func NewBatch(tx Tx) *Batch {
	return &Batch{tx: tx, state: state{under: tx, committed: make(map[string][]byte), staged: make(map[string][]byte, 32)}}
}

// Apply is described at the function Apply: it carries out all of the command,
// or nothing.
func (b *Batch) Apply(c Command) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return b.apply(c)
}

// ApplyEncoded decodes a command and applies it.
func (b *Batch) ApplyEncoded(data []byte) (Result, error) {
	c, err := Decode(data)
	if err != nil {
		return Result{}, err
	}
	return b.apply(c)
}

func (b *Batch) apply(c Command) (Result, error) {
	clear(b.state.staged)
	result, err := c.apply(&b.state)
	if err != nil {
		return Result{}, err
	}
	maps.Copy(b.state.committed, b.state.staged)
	return result, nil
}

// Flush writes what the commands have changed. The batch is not used after it.
func (b *Batch) Flush() error {
	for _, key := range slices.Sorted(maps.Keys(b.state.committed)) {
		if err := b.tx.Put([]byte(key), b.state.committed[key]); err != nil {
			return fmt.Errorf("write state: %w", err)
		}
	}
	return nil
}

// state is what one command reads and writes: what it has staged itself, over
// what the commands before it in the batch have done, over the transaction. So a
// command refused half-way leaves nothing behind. It only gets and puts: no
// command needs to scan or delete.
type state struct {
	under     View
	committed map[string][]byte
	staged    map[string][]byte
}

func (s *state) get(key []byte) []byte {
	if value, found := s.staged[string(key)]; found {
		return value
	}
	if value, found := s.committed[string(key)]; found {
		return value
	}
	return s.under.Get(key)
}

func (s *state) put(key, value []byte) { s.staged[string(key)] = value }

func (s *state) has(key []byte) bool { return s.get(key) != nil }

// present is the value of keys that say all.
var present = []byte{}

// putJSON writes a row. Rows are plain structs of ours: they always encode.
func (s *state) putJSON(key []byte, row any) error {
	value, err := encodeJSON(row)
	if err != nil {
		return fmt.Errorf("encode row: %w", err)
	}
	s.put(key, value)
	return nil
}

// readRow decodes a row, and reports whether there is one.
func readRow(value []byte, into any) (bool, error) {
	if value == nil {
		return false, nil
	}
	if err := decodeJSON(value, into); err != nil {
		return true, fmt.Errorf("%w: decode row: %w", ErrCorrupt, err)
	}
	return true, nil
}
