package systemtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Data that can't be had, or aren't what they should be, fail the session with
// a message that says why; the program is not run.
func TestDataThatCannotBeStagedFailTheSessionAndSayWhy(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/data.txt":
			fmt.Fprint(w, "the data")
		case "/away":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/large":
			w.Header().Set("Content-Length", strconv.Itoa(3<<30))
			w.WriteHeader(http.StatusOK)
		case "/endless":
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	n := start(t)
	for _, bad := range []struct {
		location string
		says     []string
	}{
		{"/data.txt#sha256=" + zeros, []string{"data.txt", zeros, "eb2ea6de"}},
		{"/none.txt", []string{"none.txt", "404"}},
		{"/away", []string{"169.254.169.254"}},
		{"/file", []string{"file"}},
		{"/large", []string{"larger than the 1073741824 bytes"}},
	} {
		id := n.accept(work{command: sh("echo ran > ran.txt"), data: server.URL + bad.location, storage: 1})
		n.await(id, "FAILED")
		said := fmt.Sprint(n.session(id).Meta.Messages)
		for _, word := range bad.says {
			assert.Contains(t, said, word, bad.location)
		}
		assert.Equal(t, 404, n.do("GET", "/sessions/"+id+"/files/ran.txt", nil).Status, "%s: the program was run", bad.location)
		assert.Len(t, n.history(id), 1, "%s: it is no use to try again", bad.location)
	}
	n.settled()
}

// A connection that breaks is taken up where it broke.
func TestABrokenDownloadIsResumed(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 100_000)
	var requests, resumed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Accept-Ranges", "bytes")
		from := 0
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			resumed.Add(1)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		}
		if requests.Add(1) < 4 {
			_, _ = w.Write([]byte(content[from : from+200_000]))
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write([]byte(content[from:]))
	}))
	defer server.Close()
	n := start(t)
	id := n.accept(work{command: sh("wc -c < input/data.txt > size.txt"), data: server.URL + "/data.txt"})
	n.ranOnce(id, "COMPLETED")
	assert.Equal(t, "1000000", strings.TrimSpace(n.file(id, "size.txt")))
	assert.EqualValues(t, 3, resumed.Load(), "of %d requests", requests.Load())
}
