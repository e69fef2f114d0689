package uploads

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// key is what a file is called in its attempt's directory.
func (f File) key() string {
	sum := sha256.Sum256([]byte(f.Role + "\x00" + f.Name))
	return hex.EncodeToString(sum[:16])
}

func (s *Store) partPath(f File) string {
	return filepath.Join(s.dir(f.Attempt), f.key()+".part")
}

// wholePath is where a file with a checksum is; the caller has made sure that it
// is one (see Checksum).
func (s *Store) wholePath(f File, sum string) string {
	return filepath.Join(s.dir(f.Attempt), f.key()+"."+sum)
}

// Checksum reports whether a text is a SHA-256 in lower-case hexadecimal.
func Checksum(text string) bool {
	sum, err := hex.DecodeString(text)
	return err == nil && len(sum) == sha256.Size && hex.EncodeToString(sum) == text
}

// seal compares a file with what its sender said of it. One that differs is
// removed: no part of it can be trusted.
func (s *Store) seal(f File, out *os.File, have int64, p Piece) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(out, 0, have)); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != p.SHA256 || have != p.Bytes {
		return errors.Join(fmt.Errorf("%w: it has %d bytes with SHA-256 %s", ErrDiffers, have, sum), s.discard(f, have))
	}
	if err := out.Sync(); err != nil {
		return err
	}
	if err := os.Rename(s.partPath(f), s.wholePath(f, p.SHA256)); err != nil {
		return err
	}
	return syncDirectory(s.dir(f.Attempt))
}

func (s *Store) discard(f File, have int64) error {
	if err := os.Remove(s.partPath(f)); err != nil {
		return err
	}
	s.giveBack(f, have)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts[f.Attempt].files--
	return nil
}

// Open opens a file: the whole one with a checksum, or without one, the file as
// far as it is there. The error is fs.ErrNotExist where there is none.
func (s *Store) Open(f File, sum string) (*os.File, error) {
	if Checksum(sum) {
		return os.Open(s.wholePath(f, sum))
	}
	file, err := os.Open(s.partPath(f))
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return file, err
	}
	return s.openWhole(f, err)
}

// openWhole opens a file that has become whole just now, or returns the error.
func (s *Store) openWhole(f File, absent error) (*os.File, error) {
	entries, err := os.ReadDir(s.dir(f.Attempt))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if key, sum, _ := strings.Cut(entry.Name(), "."); key == f.key() && Checksum(sum) {
			return os.Open(s.wholePath(f, sum))
		}
	}
	return nil, absent
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
