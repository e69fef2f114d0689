package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/federation/certificate/certificatetest"
)

// Whoever restarts a node that isn't well must be told why it isn't.
func TestHealthIsWhatTheNodeSaysOfItself(t *testing.T) {
	var status int
	var body string
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/readyz", r.URL.Path)
		assert.Empty(t, r.Header.Get("Authorization"))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	for _, c := range []struct {
		status     int
		body       string
		exit       int
		out, wrong string
	}{
		{200, `{"ready":true,"reasons":[],"messages":["the outbox grows"]}`, 0, "takes work", "! the outbox grows"},
		{503, `{"ready":false,"reasons":["the disk is full","it is stopping"]}`, 1, "", "takes no work: the disk is full; it is stopping"},
		{502, `<html>`, 1, "", "its /readyz answers 502 Bad Gateway"},
		{200, `<html>`, 1, "", "is no node that takes work"},
	} {
		status, body = c.status, c.body
		got := starling(t, n.URL, "health")
		assert.Equal(t, c.exit, got.status, c.body)
		assert.Contains(t, got.out, c.out)
		assert.Contains(t, got.err, c.wrong)
	}
	n.Close()
	got := starling(t, n.URL, "health")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.err, "the node doesn't answer")
}

// In a container nobody has the CA at hand, and the node's URL may not lead back here.
func TestHealthFindsTheNodeOfItsOwnConfiguration(t *testing.T) {
	dir := t.TempDir()
	pem, key := certificatetest.Server(t, dir)
	pair, err := tls.LoadX509KeyPair(pem, key)
	require.NoError(t, err)
	n := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ready":true,"reasons":[]}`)
	}))
	n.Config.ErrorLog = log.New(io.Discard, "", 0)
	n.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	n.StartTLS()
	defer n.Close()
	_, port, _ := strings.Cut(n.Listener.Addr().String(), ":")
	file := filepath.Join(dir, "site.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil,
		"name: a\nhttp: 0.0.0.0:%s\nurl: https://broker.example.org\ntls: {certificate: %s, key: %s}\n", port, pem, key), 0o600))

	got := starling(t, "", "health", "--config", file)
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, got.out, "the node at https://127.0.0.1:"+port+" takes work")
	got = starling(t, n.URL, "health")
	assert.Equal(t, 1, got.status, "asked by its URL, its certificate counts")
	got = starling(t, n.URL, "health", "--ca", pem)
	assert.Equal(t, 0, got.status, got.err)
}
