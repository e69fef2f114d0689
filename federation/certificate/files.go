package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// largest is more than any file here has: a thousand certificates.
const largest = 1 << 20

// readFile reads a file of bounded size. A secret one must be readable by its
// owner only, or be root's and lent to this process.
func readFile(path, what string, secret bool) ([]byte, error) {
	if path == "" {
		return nil, fmt.Errorf("%s: no file is given", what)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if mode := info.Mode().Perm(); secret && mode&0o077 != 0 && !lent(info) {
		return nil, fmt.Errorf("%s %s: others can read it (its mode is %#o): chmod 600 %s", what, path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if len(text) > largest {
		return nil, fmt.Errorf("%s %s: it is larger than %d KiB; this is another file", what, path, largest>>10)
	}
	return text, nil
}

// readSecret reads what nobody else may read.
func readSecret(path, what string) ([]byte, error) { return readFile(path, what, true) }

// readCertificates reads the certificates in a PEM file, at least one.
func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := readFile(path, "certificate", false)
	if err != nil {
		return nil, err
	}
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("certificate %s: it holds a %s, which is not a certificate", path, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", path, err)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("certificate %s: there is none in it; want PEM", path)
	}
	return found, nil
}

// A File is to be written: a secret one for its owner only.
type File struct {
	Path    string
	Content []byte
	Secret  bool
}

// WriteNew writes files that must not be there yet, all or none of them.
func WriteNew(files ...File) (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, path := range made {
				err = errors.Join(err, os.Remove(path))
			}
		}
	}()
	for _, file := range files {
		mode := os.FileMode(0o644)
		if file.Secret {
			mode = 0o600
		}
		f, err := os.OpenFile(file.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already; nothing is overwritten: move it away, or write elsewhere", file.Path)
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		made = append(made, file.Path)
		_, err = f.Write(file.Content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}
