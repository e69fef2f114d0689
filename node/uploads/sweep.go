package uploads

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"starling/federation/identity"
)

// Sweep removes the files of every attempt that got its last one before a time,
// but those of attempts that are to be kept. It returns what went wrong.
func (s *Store) Sweep(before time.Time, keep func(identity.UUID) bool) error {
	attempts, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, attempt := range attempts {
		info, err := attempt.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		ref, err := identity.ParseUUID(attempt.Name())
		if err != nil || keep(ref) {
			continue // what isn't ours stays
		}
		errs = append(errs, s.remove(ref))
	}
	return errors.Join(errs...)
}

func (s *Store) remove(ref identity.UUID) error {
	dir := filepath.Join(s.Dir, ref.String())
	u, err := count(dir)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= u.bytes
	return nil
}
