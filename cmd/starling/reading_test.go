package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recordNode answers each read of the record with the same, and keeps the queries.
type recordNode struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newRecordNode(t *testing.T, header map[string]string, body string, whole bool) *recordNode {
	n := &recordNode{}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.asked = append(n.asked, fmt.Sprintf("%s as %s", r.URL, r.Header.Get("Accept")))
		n.mu.Unlock()
		for name, value := range header {
			w.Header().Set(name, value)
		}
		_, _ = w.Write([]byte(body))
		if !whole {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(n.Close)
	return n
}

func TestHistoryIsExportedAsItCame(t *testing.T) {
	for format, media := range map[string]string{"csv": "text/csv", "jsonl": "application/x-ndjson"} {
		n := newRecordNode(t, nil, "all\r\nof it\r\n", true)
		got := starling(t, n.URL, "history", "--owner", "proposal:P-7", "--since", "2026-08-01T00:00:00Z", "--phase", "failed", "-o", format)
		assert.Equal(t, 0, got.status, got.err)
		assert.Equal(t, "all\r\nof it\r\n", got.out)
		assert.Empty(t, got.err)
		assert.Equal(t, []string{"/history?owner=proposal%3AP-7&phase=FAILED&since=2026-08-01T00%3A00%3A00Z as " + media}, n.asked)
	}
}

// A program that reads an export must learn that it isn't all.
func TestAnExportThatBreaksOffFails(t *testing.T) {
	n := newRecordNode(t, nil, "half\n", false)
	got := starling(t, n.URL, "history", "-o", "jsonl")
	assert.Equal(t, 1, got.status)
	assert.Equal(t, "half\n", got.out)
	assert.Contains(t, got.err, "broken the export off after 5 bytes")
}

func TestTheRecordIsReadAsTheUserWants(t *testing.T) {
	ref := "/history/" + firstID
	for path, args := range map[string][]string{
		"/history?consistency=strong as application/json":              {"history"},
		ref + "?consistency=strong as application/json":                {"history", firstID},
		ref + "/updates?consistency=strong as application/json":        {"history", firstID, "--updates"},
		"/history?consistency=strong as text/csv":                      {"history", "-o", "csv"},
		"/accounts?consistency=strong as application/json":             {"accounts"},
		"/budgets?consistency=strong&limited=true as application/json": {"budgets"},
		"/statements?consistency=strong as application/json":           {"statement"},
		"/statements?consistency=strong as text/csv":                   {"statement", "-o", "csv"},
	} {
		n := newRecordNode(t, nil, "{}", true)
		got := starling(t, n.URL, append(args, "--consistency", "strong")...)
		assert.Equal(t, 0, got.status, got.err)
		assert.Equal(t, []string{path}, n.asked)
		n.asked = nil
		starling(t, n.URL, args...)
		assert.NotContains(t, n.asked[0], "consistency")
	}
	got := starling(t, "http://127.0.0.1:1", "history", "--consistency", "eventual")
	assert.Equal(t, 2, got.status)
	assert.Contains(t, got.err, `"eventual" is neither local nor strong`)
}

// People are told on the side when what they see may be old; programs' output stays
// as it is.
func TestAnOldCopyIsSaidToBeOne(t *testing.T) {
	for _, c := range []struct{ age, pending, note string }{
		{"10", "3", ""},
		{"0", "0", ""},
		{"90", "0", "note: the node's copy of the record may be 1m30s behind the others'\n"},
		{"90", "3; omitted=4", "note: the node's copy of the record may be 1m30s behind the others'; 3 records of its own are pending\n"},
		{"90", "1", "note: the node's copy of the record may be 1m30s behind the others'; 1 record of its own is pending\n"},
	} {
		n := newRecordNode(t, map[string]string{"Starling-Age": c.age, "Starling-Pending": c.pending}, `{"history": []}`, true)
		got := starling(t, n.URL, "history", "-o", "json")
		assert.Equal(t, 0, got.status)
		assert.Equal(t, c.note, got.err)
		assert.Equal(t, "{\n  \"history\": []\n}\n", got.out)
	}
}

func TestWhatIsPendingIsMarked(t *testing.T) {
	n := newRecordNode(t, nil, `{"history": [
		{"historyRef": "`+firstID+`", "phase": "COMPLETED", "opened": "2026-12-01T11:00:00.000Z", "pending": true},
		{"historyRef": "`+nextID+`", "phase": "COMPLETED", "opened": "2026-12-01T10:00:00.000Z"}]}`, true)
	got := starling(t, n.URL, "history")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
REF                                   PHASE        OPENED  TOOK  ON RECORD
019a0000-0000-8000-8000-000000000001  COMPLETED  11:00:00        pending
019a0000-0000-8000-8000-000000000002  COMPLETED  10:00:00
`[1:], got.out)
}
