package uploads

import "fmt"

// spare makes sure that files leave the node enough of the disk.
func (s *Store) spare() error {
	if s.Free == nil {
		return nil
	}
	free, err := s.Free()
	if err != nil {
		return err
	}
	if free < s.Reserve {
		return fmt.Errorf("%w: the disk has %d bytes left", ErrFull, free)
	}
	return nil
}

// take counts bytes that are about to be written, if they may be.
func (s *Store) take(f File, n, limit int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.attempts[f.Attempt]
	if n > limit-u.bytes {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, limit)
	}
	if n > s.Space-s.used {
		return fmt.Errorf("%w: the files of all sessions have %d bytes", ErrFull, s.used)
	}
	u.bytes += n
	s.used += n
	return nil
}

// giveBack counts out bytes that are not there, or no more.
func (s *Store) giveBack(f File, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	if u := s.attempts[f.Attempt]; u != nil {
		u.bytes -= n
	}
}
