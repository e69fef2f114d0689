package api

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/api/ivoa"
	"starling/node"
)

func TestFilesAreListedWithTheirURLs(t *testing.T) {
	w := newWorld(t)
	w.broker.output = []byte("SIMPLE")
	list := object(t, w.get(on("/files")))["files"].([]any)
	assert.Equal(t, map[string]any{
		"name": "maps/m 1.fits", "url": testBase + on("/files/maps/m%201.fits"), "bytes": 6.0,
		"sha256": checksum([]byte("SIMPLE")), "modified": "2026-11-22T12:00:00.000Z",
	}, list[0])
}

// Users' files are hostile: no browser may run them as pages of this origin.
func TestFilesAreServedSoThatTheyCanDoNoHarm(t *testing.T) {
	w := newWorld(t)
	w.broker.output = []byte("<script>alert(1)</script>")
	resp := w.get(on("/files/maps/x.html"))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "sandbox;")
	assert.Equal(t, `attachment; filename="x.html"; filename*=UTF-8''x.html`, resp.Header.Get("Content-Disposition"))
	sum := sha256.Sum256(w.broker.output)
	assert.Equal(t, `"`+checksum(w.broker.output)+`"`, resp.Header.Get("ETag"))
	assert.Equal(t, "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":", resp.Header.Get("Repr-Digest"))
}

func TestFilesAreServedInRangesAndNotTwice(t *testing.T) {
	w := newWorld(t)
	w.broker.output = []byte("0123456789")
	resp := w.do(call{path: on("/files/a.txt"), header: map[string]string{"Range": "bytes=2-4"}})
	assert.Equal(t, http.StatusPartialContent, resp.StatusCode)
	assert.Equal(t, "bytes 2-4/10", resp.Header.Get("Content-Range"))
	assert.Equal(t, "234", text(t, resp))
	resp = w.do(call{path: on("/files/a.txt"), header: map[string]string{"If-None-Match": resp.Header.Get("ETag")}})
	assert.Equal(t, http.StatusNotModified, resp.StatusCode)
	resp = w.do(call{path: on("/files/a.txt"), header: map[string]string{"Range": "bytes=20-"}})
	assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, resp.StatusCode)
	resp = w.do(call{method: http.MethodHead, path: on("/files/a.txt")})
	assert.Equal(t, "10", resp.Header.Get("Content-Length"))
	assert.Empty(t, text(t, resp))
}

func TestAnOutputThatGrowsIsNotKept(t *testing.T) {
	w := newWorld(t)
	w.broker.output, w.broker.open = []byte("so far"), true
	resp := w.do(call{path: on("/stdout"), header: map[string]string{"If-Modified-Since": time.Now().UTC().Format(http.TimeFormat)}})
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	assert.Empty(t, resp.Header.Get("ETag"))
	assert.Equal(t, plainText, resp.Header.Get("Content-Type"))
	assert.Equal(t, "so far", text(t, resp))
}

func TestFollowedOutputGoesOnUntilTheSessionEnds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Poll = time.Millisecond })
	w.broker.output, w.broker.open = []byte("one "), true
	_, in := w.stream(w.serve(), on("/stdout?follow=true"), nil)
	read := func(want string) {
		got := make([]byte, len(want))
		_, err := io.ReadFull(in, got)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	read("one ")
	w.change(func(f *fake) { f.output = []byte("one two ") })
	read("two ")
	// Another attempt begins anew.
	w.change(func(f *fake) { f.output = []byte("1 ") })
	read("1 ")
	w.change(func(f *fake) { f.output, f.phase = []byte("1 last"), ivoa.SessionCancelled })
	read("last")
	w.change(func(f *fake) { f.output, f.open = []byte("1 last words"), false })
	read(" words")
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	assert.Empty(t, rest)
}

func TestFollowedOutputThatBreaksIsNotTakenForWhole(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.Poll = time.Millisecond })
	w.broker.output, w.broker.open = []byte("one "), true
	_, in := w.stream(w.serve(), on("/stdout?follow=true"), nil)
	_, err := in.ReadByte()
	require.NoError(t, err)
	w.change(func(f *fake) { f.err = &node.Problem{Code: node.CodeGone, Detail: "swept"} })
	_, err = io.ReadAll(in)
	assert.Error(t, err)
}

// change changes what the broker answers from now on.
func (w *world) change(edit func(*fake)) {
	w.broker.mu.Lock()
	defer w.broker.mu.Unlock()
	edit(w.broker)
}
