package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"starling/node"
)

// reads are all paths at which the record is read.
var reads = map[string]string{
	"/history":               "/history",
	"/history/{ref}":         "/history/" + attemptID.String(),
	"/history/{ref}/updates": "/history/" + attemptID.String() + "/updates",
	"/accounts":              "/accounts",
	"/accounts/{id}/entries": "/accounts/0123456789abcdef0123456789abcdef/entries",
	"/statements":            "/statements",
	"/budgets":               "/budgets",
	"/allocations":           "/allocations",
}

// Every answer from the record says what it was read from, as the document has it.
func TestAnswersFromTheRecordSayHowFreshTheyAre(t *testing.T) {
	d := readDocument(t)
	for template, path := range reads {
		w := newWorld(t)
		w.broker.copy = node.Copy{Applied: 1234, Age: 1500 * time.Millisecond, Pending: 7}
		resp := w.get(path)
		assert.Equal(t, http.StatusOK, resp.StatusCode, path)
		assert.Equal(t, "1234", resp.Header.Get("Starling-Applied"), path)
		assert.Equal(t, "2", resp.Header.Get("Starling-Age"), path)
		assert.Equal(t, "7", resp.Header.Get("Starling-Pending"), path)
		w.broker.copy.Omitted = 3
		assert.Equal(t, "7; omitted=3", w.get(path).Header.Get("Starling-Pending"), path)

		get := asTree(asTree(asTree(d.root["paths"])[template])["get"])
		headers := asTree(asTree(asTree(get["responses"])["200"])["headers"])
		for name := range resp.Header {
			if strings.HasPrefix(name, "Starling-") && name != traceHeader { // which every answer has
				assert.Contains(t, headers, name, template)
			}
		}
	}
}

func TestAReaderChoosesTheConsistency(t *testing.T) {
	for _, path := range reads {
		w := newWorld(t)
		w.broker.next = "c"
		assert.Equal(t, http.StatusOK, w.get(path+"?consistency=strong").StatusCode, path)
		assert.True(t, w.broker.strong, path)
		if next, more := object(t, w.get(path+"?consistency=strong"))["next"]; more {
			assert.Contains(t, next, "consistency=strong", "the pages that follow are read in the same way")
		}
		for _, local := range []string{"", "?consistency=local", "?consistency="} {
			assert.Equal(t, http.StatusOK, w.get(path+local).StatusCode, path+local)
			assert.False(t, w.broker.strong, path+local)
		}
		p := wantProblem(t, w.get(path+"?consistency=eventual"), http.StatusBadRequest)
		assert.Equal(t, "consistency", p["field"], path)
		assert.Contains(t, p["detail"], "strong", path)
	}
}

// What can't be had without the others says when to try again.
func TestAStrongReadWithoutAMajorityIsNotNow(t *testing.T) {
	for _, path := range reads {
		w := newWorld(t)
		w.broker.err = &node.Problem{Code: node.CodeUnavailable, Detail: "a majority is needed", RetryAfter: 5 * time.Second}
		resp := w.get(path + "?consistency=strong")
		assert.Equal(t, "5", resp.Header.Get("Retry-After"), path)
		assert.Empty(t, resp.Header.Get("Starling-Applied"), path)
		wantProblem(t, resp, http.StatusServiceUnavailable)
	}
}
