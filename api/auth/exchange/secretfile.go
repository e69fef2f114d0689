package exchange

import (
	"fmt"
	"io"
	"os"
	"strings"

	"starling/federation/identity"
)

// maxSecret is more than any client's secret, or header with one, has, in bytes.
const maxSecret = 4 << 10

// SecretFile returns what reads a secret from a file of mode 0600, the
// first time and whenever it is needed, so that it can be replaced.
func SecretFile(path string) func() (identity.Secret, error) {
	return func() (identity.Secret, error) {
		text, err := readSecret(path)
		if err != nil {
			return identity.Secret{}, fmt.Errorf("read a secret: %w", err)
		}
		return identity.NewSecret(text), nil
	}
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %#o): chmod 600 it", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(text) > maxSecret {
		return "", fmt.Errorf("%s holds no secret of 1 to %d bytes", path, maxSecret)
	}
	return secret, nil
}
