package certificate_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate"
)

func TestTheFirstGossipKeyEncryptsAndAllAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gossip.key")
	next := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	require.NoError(t, os.WriteFile(path, append(certificate.NewGossipKeys(), "\n# the next\n"+next+"\n"...), 0o600))
	keys, err := certificate.GossipKeys(path)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	assert.Len(t, keys[0], 32)
	assert.Equal(t, strings.Repeat("k", 32), string(keys[1]))
	assert.NotEqual(t, certificate.NewGossipKeys(), certificate.NewGossipKeys())
}

// What is refused is never shown: it may be a key with a typo.
func TestBadGossipKeysAreRefusedAndNotShown(t *testing.T) {
	good := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	many := ""
	for i := range 17 {
		many += base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune('a'+i)), 32))) + "\n"
	}
	for name, c := range map[string]struct{ text, want string }{
		"none":     {"# nothing\n\n", "there is none"},
		"short":    {"\nc2VjcmV0\n", "line 2: want the base64 of 32 bytes"},
		"no text":  {strings.Repeat("\xff", 44), "line 1: want the base64"},
		"twice":    {good + "\n" + good, "line 2: this key stands above already"},
		"too many": {many, "line 17: more than 16 keys"},
		"long":     {strings.Repeat("A", 100_000), "a line is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "gossip.key")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			_, err := certificate.GossipKeys(path)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "c2Vj")
		})
	}
	path := filepath.Join(t.TempDir(), "gossip.key")
	require.NoError(t, os.WriteFile(path, []byte(good), 0o644))
	_, err := certificate.GossipKeys(path)
	assert.ErrorContains(t, err, "chmod 600 "+path)
}
