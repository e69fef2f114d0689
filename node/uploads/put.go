package uploads

import (
	"errors"
	"fmt"
	"io"
	"os"

	"starling/federation/identity"
)

// File names a file of an attempt.
type File struct {
	Attempt    identity.UUID
	Role, Name string
}

// Piece is a part of a file.
type Piece struct {
	Offset int64 // of its first byte in the file
	Body   io.Reader
	// Bytes and SHA256 are what the whole file has, where its sender knows. Once
	// it is all there, it is compared and is whole.
	Bytes  int64
	SHA256 string
	// Limit is how many bytes the attempt's files together may have.
	Limit int64
}

// Why a piece isn't taken.
var (
	ErrBusy     = errors.New("another piece of this file is being written")
	ErrTooLarge = errors.New("the attempt has sent as much as it may")
	ErrFull     = errors.New("there is no room for more files")
	ErrDiffers  = errors.New("the file is not what its sender said")
)

// Put takes a piece and returns how many bytes of the file are there now. When
// the body breaks off, what had come stays, and the error is the body's.
func (s *Store) Put(f File, p Piece) (have int64, err error) {
	done, err := s.begin(f)
	if err != nil {
		return 0, err
	}
	defer done()
	if info, err := os.Stat(s.wholePath(f, p.SHA256)); err == nil && p.SHA256 != "" {
		return info.Size(), nil
	}
	out, have, err := s.part(f)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	if have, err = s.write(f, out, have, p); err != nil {
		return have, err
	}
	if p.SHA256 == "" || have < p.Bytes {
		return have, nil
	}
	return have, s.seal(f, out, have, p)
}

// begin makes sure that one piece of a file is written at a time.
func (s *Store) begin(f File) (done func(), err error) {
	if err := s.know(f.Attempt); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, key := s.attempts[f.Attempt], f.key()
	if u == nil || u.busy[key] { // nil: it has just ended
		return nil, ErrBusy
	}
	u.busy[key] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(u.busy, key)
		s.forget(f.Attempt, u)
	}, nil
}

// part opens the file so far, or begins one.
func (s *Store) part(f File) (*os.File, int64, error) {
	if err := os.MkdirAll(s.dir(f.Attempt), 0o700); err != nil {
		return nil, 0, err
	}
	out, err := os.OpenFile(s.partPath(f), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		out, err = os.OpenFile(s.partPath(f), os.O_RDWR, 0)
	} else if err == nil {
		if err = s.countIn(f); err != nil {
			err = errors.Join(err, out.Close(), os.Remove(out.Name()))
		}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, out.Close())
	}
	return out, info.Size(), nil
}

// countIn counts a new file, unless there are too many.
func (s *Store) countIn(f File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.attempts[f.Attempt]
	if u.files >= MaxFiles {
		return fmt.Errorf("%w: %d files", ErrTooLarge, MaxFiles)
	}
	u.files++
	return nil
}

// write appends what is new of a piece to a file.
func (s *Store) write(f File, out *os.File, have int64, p Piece) (int64, error) {
	if p.Offset > have {
		return have, nil // it would leave a gap
	}
	if _, err := io.CopyN(io.Discard, p.Body, have-p.Offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil // there was nothing new
		}
		return have, err
	}
	if err := s.spare(); err != nil {
		return have, err
	}
	buffer := make([]byte, 64<<10)
	for {
		n, read := p.Body.Read(buffer)
		if err := s.take(f, int64(n), p.Limit); err != nil {
			return have, err
		}
		written, err := out.WriteAt(buffer[:n], have)
		have += int64(written)
		s.giveBack(f, int64(n-written))
		switch {
		case err != nil:
			return have, err
		case errors.Is(read, io.EOF):
			return have, nil
		case read != nil:
			return have, read
		}
	}
}
