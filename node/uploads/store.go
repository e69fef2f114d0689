package uploads

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"starling/federation/identity"
)

// Options says where files are kept, and how much of them.
type Options struct {
	// Dir is the directory; it is made if need be.
	Dir string
	// Space is how many bytes all files together may have.
	Space int64
	// Free says how many bytes the disk has left; a piece that would leave less
	// than Reserve isn't taken, since the node itself writes to it.
	Free    func() (uint64, error)
	Reserve uint64
}

// MaxFiles is how many files one attempt may send.
const MaxFiles = 10_000

// Store keeps files. It is safe for concurrent use.
type Store struct {
	Options
	mu       sync.Mutex
	used     int64
	attempts map[identity.UUID]*usage // those that have sent something since the start
}

// usage is what an attempt has sent.
type usage struct {
	bytes int64
	files int
	busy  map[string]bool // files that are being written
	ended bool
}

// Open returns the store of a directory, having counted what is in it.
func Open(o Options) (*Store, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of sent files: %w", err)
	}
	s := &Store{Options: o, attempts: map[identity.UUID]*usage{}}
	attempts, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("count the sent files: %w", err)
	}
	for _, attempt := range attempts {
		u, err := count(filepath.Join(o.Dir, attempt.Name()))
		if err != nil {
			return nil, fmt.Errorf("count the sent files: %w", err)
		}
		s.used += u.bytes
	}
	return s, nil
}

// count looks at what an attempt has sent.
func count(dir string) (*usage, error) {
	u := &usage{busy: map[string]bool{}}
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return u, nil
	}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u.bytes += info.Size()
		u.files++
	}
	return u, err
}

// Used is how many bytes all files have.
func (s *Store) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func (s *Store) dir(ref identity.UUID) string { return filepath.Join(s.Dir, ref.String()) }

// know makes sure that it is known what an attempt has sent. It looks without
// the lock, for which nobody should wait as long as a disk takes: as long as it
// isn't known, nobody writes.
func (s *Store) know(ref identity.UUID) error {
	s.mu.Lock()
	known := s.attempts[ref] != nil
	s.mu.Unlock()
	if known {
		return nil
	}
	u, err := count(s.dir(ref))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempts[ref] == nil {
		s.attempts[ref] = u
	}
	return nil
}

// Ended says that an attempt sends nothing more. Its files stay.
func (s *Store) Ended(ref identity.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.attempts[ref]; u != nil {
		u.ended = true
		s.forget(ref, u)
	}
}

// forget drops what is known of an attempt that has ended; s.mu is held.
func (s *Store) forget(ref identity.UUID, u *usage) {
	if u.ended && len(u.busy) == 0 && s.attempts[ref] == u {
		delete(s.attempts, ref)
	}
}
