package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNoSpansAreMadeUnlessAskedFor(t *testing.T) {
	c, err := load(t, "", nil)
	require.NoError(t, err)
	assert.Equal(t, Tracing{Sample: 1}, c.Tracing)
}

func TestWhereSpansGoIsCheckedBeforeTheNodeStarts(t *testing.T) {
	for file, want := range map[string]string{
		"endpoint: 'https://c.example.org:4318'":                        "",
		"endpoint: 'https://c.example.org/otlp/', sample: 0.1":          "",
		"endpoint: 'http://c.example.org:4318'":                         "",
		"endpoint: 'http://127.0.0.1:4318', headersFile: h":             "",
		"endpoint: 'https://c.example.org', headersFile: h, ca: ca.pem": "",
		"sample: 0.1":                "",
		"sample: 1.5":                "node.yaml:1: tracing.sample: 1.5",
		"ca: ca.pem":                 "tracing.endpoint: is needed with tracing.ca",
		"headersFile: h":             "tracing.endpoint: is needed with tracing.headersFile",
		"endpoint: 'collector:4318'": `node.yaml:1: tracing.endpoint: "collector:4318" is not the base of a collector's URLs`,
		"endpoint: 'https://me:secret@c.example.org'":                          "node.yaml:1: tracing.endpoint: has a user's name in it",
		"endpoint: 'https://c.example.org/v1/traces'":                          "leave out /v1/traces, which is added",
		"endpoint: 'http://c.example.org:4318', headersFile: /etc/c.headers":   "must begin with https:// where there is tracing.headersFile",
		"endpoint: 'https://c.example.org', headers: {Authorization: a-token}": "tracing.headers",
	} {
		c, err := load(t, "tracing: {"+file+"}\n", nil)
		if want == "" {
			require.NoError(t, err, file)
			assert.False(t, len(c.Tracing.Endpoint) > 0 && c.Tracing.Endpoint[len(c.Tracing.Endpoint)-1] == '/', file)
			continue
		}
		require.ErrorContains(t, err, want, file)
		assert.NotContains(t, err.Error(), "secret@", file)
	}
}
