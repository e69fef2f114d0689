package systemtest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowFile is a file on a server that sends the first half of it, and then
// nothing until it is released.
type slowFile struct {
	t        *testing.T
	URL, sum string
	content  string
	released chan struct{}

	mu     sync.Mutex
	ranges []string // of each request that was begun
}

func newSlowFile(t *testing.T, content string) *slowFile {
	sum := sha256.Sum256([]byte(content))
	f := &slowFile{t: t, content: content, sum: hex.EncodeToString(sum[:]), released: make(chan struct{})}
	server := httptest.NewServer(f)
	f.URL = server.URL + "/data.txt"
	t.Cleanup(func() {
		f.release()
		server.Close()
	})
	return f
}

func (f *slowFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(&slowWriter{w, f, r, false}, r, "data.txt", time.Unix(0, 0), &halting{Reader: strings.NewReader(f.content), file: f, ended: r.Context().Done()})
}

// slowWriter notes a request once its first bytes are on their way.
type slowWriter struct {
	http.ResponseWriter
	file  *slowFile
	r     *http.Request
	noted bool
}

func (w *slowWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err == nil && !w.noted {
		w.noted = true
		w.file.mu.Lock()
		w.file.ranges = append(w.file.ranges, w.r.Header.Get("Range"))
		w.file.mu.Unlock()
	}
	return n, err
}

// halting reads as far as half of the file, and waits there.
type halting struct {
	*strings.Reader
	file  *slowFile
	ended <-chan struct{}
}

func (h *halting) Read(p []byte) (int, error) {
	half := h.Size() / 2
	at, _ := h.Seek(0, io.SeekCurrent)
	if at >= half {
		select {
		case <-h.file.released:
		case <-h.ended:
			return 0, io.ErrUnexpectedEOF
		}
	} else if at+int64(len(p)) > half {
		p = p[:half-at]
	}
	return h.Reader.Read(p)
}

// WriteTo would read all at once.
func (h *halting) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{h}) }

// began waits until so many requests for the file have been half answered.
func (f *slowFile) began(requests int) {
	f.t.Helper()
	eventually(f.t, "the data to be fetched", func() bool { return len(f.requests()) >= requests })
}

// requests are the ranges that were asked for, "" for the whole file.
func (f *slowFile) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.ranges...)
}

// release lets the rest of the file go.
func (f *slowFile) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.released:
	default:
		close(f.released)
	}
}
