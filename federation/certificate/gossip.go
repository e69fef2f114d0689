package certificate

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

const (
	gossipKeyBytes = 32 // AES-256
	mostGossipKeys = 16 // one in use, one to come, one to go; the rest is a mistake
)

// NewGossipKeys is the content of a file with one new key.
func NewGossipKeys() []byte {
	var key [gossipKeyBytes]byte
	rand.Read(key[:]) // ends the program where there is no randomness
	return fmt.Appendf(nil, `# The keys of a federation's gossip, the same file at every node, and secret.
# The first encrypts, all decrypt. Nodes read the file again when it changes. To
# exchange the key, take each step at all nodes before the next (starling nodes keys
# counts them): add the new one at the end; move it to the front; take the old one
# out.
%s
`, base64.StdEncoding.EncodeToString(key[:]))
}

// GossipKeys reads a file of gossip keys: a line each, of which the first
// encrypts and all decrypt. Empty lines and those that begin with # don't count.
func GossipKeys(path string) ([][]byte, error) {
	text, err := readSecret(path, "gossip keys")
	if err != nil {
		return nil, err
	}
	keys, err := parseGossipKeys(text)
	if err != nil {
		return nil, fmt.Errorf("gossip keys %s: %w", path, err)
	}
	return keys, nil
}

func parseGossipKeys(text []byte) ([][]byte, error) {
	var keys [][]byte
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.Strict().DecodeString(line)
		switch {
		case err != nil || len(key) != gossipKeyBytes: // neither says what stands there
			return nil, fmt.Errorf("line %d: want the base64 of %d bytes, as `starling keygen gossip` makes", number, gossipKeyBytes)
		case slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) }):
			return nil, fmt.Errorf("line %d: this key stands above already", number)
		case len(keys) == mostGossipKeys:
			return nil, fmt.Errorf("line %d: more than %d keys", number, mostGossipKeys)
		}
		keys = append(keys, key)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("a line is too long: %w", err)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is none; `starling keygen gossip` makes one")
	}
	return keys, nil
}
