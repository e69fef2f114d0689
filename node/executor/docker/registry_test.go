package docker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// registry is a registry of images with a single one, in memory: what of the
// distribution protocol a pull needs. The engine takes it without TLS since it
// is on loopback.
type registry struct {
	*httptest.Server
	blobs    map[string][]byte // by digest; the manifest is one
	manifest string            // digests
	image    string

	mu    sync.Mutex
	asked []string // manifests, in order
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	l := engineOf(t)
	r := &registry{blobs: map[string][]byte{}}
	layer := l.layer()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(layer)
	require.NoError(t, w.Close())
	r.image = r.put(t, map[string]any{
		"architecture": Platform{Architecture: l.architecture}.complete().Architecture, "os": "linux",
		// Not the same image as another test's, which may remove it.
		"config": map[string]any{"Entrypoint": []string{"/program"}, "Labels": map[string]string{"of": fmt.Sprint(t.Name(), os.Getpid())}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	layerDigest := digestOf(packed.Bytes())
	r.blobs[layerDigest] = packed.Bytes()
	r.manifest = r.put(t, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": map[string]any{"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(r.blobs[r.image]), "digest": r.image},
		"layers": []any{map[string]any{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": packed.Len(), "digest": layerDigest}},
	})
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (r *registry) put(t *testing.T, document any) string {
	text, err := json.Marshal(document)
	require.NoError(t, err)
	r.blobs[digestOf(text)] = text
	return digestOf(text)
}

func (r *registry) serve(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/v2/" {
		return
	}
	_, name, _ := strings.Cut(q.URL.Path, "/images/")
	kind, reference, _ := strings.Cut(name, "/")
	if kind == "manifests" {
		r.mu.Lock()
		r.asked = append(r.asked, reference)
		r.mu.Unlock()
		if reference == "latest" {
			reference = r.manifest
		}
		if reference != r.manifest {
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", reference)
	}
	content, found := r.blobs[reference]
	if !found {
		http.NotFound(w, q)
		return
	}
	w.Write(content)
}

// since is what manifests were asked for since the last time.
func (r *registry) since() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	r.asked = nil
	return asked
}

// location names the image at the registry, and sees to it that the engine
// forgets it with the test.
func (r *registry) location(t *testing.T) string {
	name := strings.TrimPrefix(r.URL, "http://") + "/images"
	t.Cleanup(func() { theLab.forget(t, name) })
	return name
}
