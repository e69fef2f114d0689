package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHowClientsReachANodeIsCheckedBeforeItStarts(t *testing.T) {
	const pair = "tls: {certificate: tls.pem, key: tls.key}\n"
	for name, tt := range map[string]struct{ file, url, want string }{
		"over TLS":        {pair, "https://127.0.0.1:7733", ""},
		"behind a proxy":  {"url: https://b.example.org\ntls: {proxied: true}\n", "https://b.example.org", ""},
		"a remote proxy":  {"url: https://b.example.org\nhttp: '0.0.0.0:7733'\nproxies: ['192.0.2.1']\ntls: {proxied: true}\n", "https://b.example.org", ""},
		"TLS to a proxy":  {"url: https://b.example.org\ntls: {proxied: true, certificate: tls.pem, key: tls.key}\n", "https://b.example.org", ""},
		"in development":  {"dev: true\n" + pair, "https://127.0.0.1:7733", ""},
		"a key is wanted": {"tls: {certificate: tls.pem}\n", "", "default: tls.key: is needed with tls.certificate"},
		"so is its other": {"tls: {key: tls.key}\n", "", "default: tls.certificate: is needed with tls.key"},
		"no private URL": {
			"url: http://b.example.org\n" + pair, "",
			`node.yaml:1: url: "http://b.example.org" must begin with https://, since clients reach this node over TLS`,
		},
		"anybody's proxy": {
			"url: https://b.example.org\nhttp: '0.0.0.0:7733'\ntls: {proxied: true}\n", "",
			"default: proxies: is needed with tls.proxied, unless http is on loopback: say where the proxy is that ends TLS, so that nobody else is taken for it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, tt.file, nil)
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, tt.url, c.URL)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}
