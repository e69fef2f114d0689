package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
)

// A site's own CA is believed when it is named, and nobody's otherwise.
func TestTheCAOfASiteIsBelievedWhenItIsNamed(t *testing.T) {
	pem, key := certificatetest.Server(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(pem, key)
	require.NoError(t, err)
	n := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"nodes": []}`))
	}))
	n.Config.ErrorLog = log.New(io.Discard, "", 0)
	n.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	n.StartTLS()
	defer n.Close()

	got := starling(t, n.URL, "nodes")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "is of a CA that this machine doesn't know; if it is your site's own, name the CA's file with --ca")
	got = starling(t, n.URL, "nodes", "--ca", pem)
	assert.Equal(t, 0, got.status, got.err)
	got = starling(t, n.URL, "nodes", "--ca", key)
	assert.Equal(t, 2, got.status)
	assert.Contains(t, got.err, "--ca: certificate "+key)
	got = starling(t, n.URL, "nodes", "--ca", filepath.Join(t.TempDir(), "none.pem"))
	assert.Equal(t, 2, got.status)
}
