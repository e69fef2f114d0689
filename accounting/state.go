package accounting

import (
	"fmt"
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
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return applyValid(tx, c)
}

// ApplyEncoded decodes a command and applies it.
func ApplyEncoded(tx Tx, data []byte) (Result, error) {
	c, err := Decode(data)
	if err != nil {
		return Result{}, err
	}
	return applyValid(tx, c)
}

// Try says what Apply would, and changes nothing.
func Try(view View, c Command) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return c.apply(&state{under: view, at: make(map[string]int, 32)})
}

func applyValid(tx Tx, c Command) (Result, error) {
	s := &state{under: tx, at: make(map[string]int, 32)}
	result, err := c.apply(s)
	if err != nil {
		return Result{}, err
	}
	return result, s.flush(tx)
}

// state collects the writes of one command over a transaction, so that a
// command refused half-way leaves nothing behind. It only gets and puts: no
// command needs to scan or delete.
type state struct {
	under  View
	writes []write
	at     map[string]int // key -> index in writes
}

type write struct {
	key, value []byte
}

func (s *state) get(key []byte) []byte {
	if i, staged := s.at[string(key)]; staged {
		return s.writes[i].value
	}
	return s.under.Get(key)
}

func (s *state) put(key, value []byte) {
	if i, staged := s.at[string(key)]; staged {
		s.writes[i].value = value
		return
	}
	s.at[string(key)] = len(s.writes)
	s.writes = append(s.writes, write{key, value})
}

func (s *state) has(key []byte) bool { return s.get(key) != nil }

func (s *state) flush(tx Tx) error {
	for _, w := range s.writes {
		if err := tx.Put(w.key, w.value); err != nil {
			return fmt.Errorf("write state: %w", err)
		}
	}
	return nil
}

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
