package issuer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// minSecret is how short a client's secret may be, in bytes: what can be guessed
// is none.
const minSecret = 16

// ReadSecret reads a client's secret from a file that nobody else can read.
func ReadSecret(path string) (string, error) {
	text, err := readPrivate(path)
	if err != nil {
		return "", fmt.Errorf("read a client's secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < minSecret {
		return "", fmt.Errorf("the client's secret in %s has %d bytes; want at least %d", path, len(secret), minSecret)
	}
	return secret, nil
}

// readPrivate reads a file that nobody else can read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return os.ReadFile(path)
}

// replace writes a file, mode 0600, as a whole or not at all.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
