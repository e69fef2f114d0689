package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever starts a node that isn't for development is told all that it lacks at once.
func TestAnInsecureNodeIsNotServed(t *testing.T) {
	const (
		own     = "auth: {ownKey: true}\n"
		private = "tls: {certificate: tls.pem, key: tls.key}\n"
		proxied = "url: https://b.example.org\ntls: {proxied: true}\n"
		issuer  = "auth: {issuers: [{url: 'https://iam.example.org/'}], roles: [{role: user, user: '*'}]}\n"
	)
	for name, tt := range map[string]struct {
		file string
		want []string
	}{
		"in development":       {"dev: true\n", nil},
		"with its own issuer":  {own + private, nil},
		"with an issuer":       {issuer + private, nil},
		"behind a proxy":       {issuer + proxied, nil},
		"with nothing":         {"name: a\n", []string{"default: auth.issuers: is needed", "default: tls.certificate: is needed, with tls.key"}},
		"without TLS":          {issuer, []string{"default: tls.certificate: is needed, with tls.key"}},
		"without an issuer":    {private, []string{"default: auth.issuers: is needed"}},
		"without certificates": {"federation: {gossip: 'a.example.org:1', raft: 'a.example.org:2', bootstrap: true}\n", []string{"auth.issuers", "tls.certificate", "federation.ca", "federation.certificate", "federation.key", "federation.gossipKeys"}},
	} {
		t.Run(name, func(t *testing.T) {
			from := Sources{File: filepath.Join(t.TempDir(), "node.yaml"), Host: "starling-1", Serve: true}
			require.NoError(t, os.WriteFile(from.File, []byte(tt.file), 0o600))
			_, err := Load(from)
			if tt.want == nil {
				require.NoError(t, err)
				return
			}
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			if name != "without certificates" {
				from.Serve = false
				_, err = Load(from)
				assert.NoError(t, err, "an executor, say, serves nobody")
			}
		})
	}
}
