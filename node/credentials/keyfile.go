package credentials

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the name of the key in the data directory.
const KeyFile = "credentials.key"

const keyBytes = 32

// loadKey reads the key of a data directory, making one (mode 0600) where there is
// none yet.
func loadKey(dir string) ([keyBytes]byte, error) {
	path := filepath.Join(dir, KeyFile)
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path); err != nil {
		return key, err
	}
	return readKey(path)
}

func readKey(path string) (key [keyBytes]byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return key, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return key, fmt.Errorf("%s can be read by others (mode %#o): chmod 600 it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != keyBytes {
		return key, fmt.Errorf("%s holds no key: want %d bytes in base64. Move it away to have a new one made; sessions that wait with tokens of before will fail", path, keyBytes)
	}
	return [keyBytes]byte(raw), nil
}

// createKey writes a new key, whole and durably before anything is sealed with it.
// Only one process has the data directory.
func createKey(path string) error {
	var key [keyBytes]byte
	_, _ = rand.Read(key[:])                                          // never fails
	temporary, err := os.CreateTemp(filepath.Dir(path), KeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
