package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const auditPage = `{"audit": [
 {"id": "019a0000-0000-8000-8000-00000000000b", "time": "2026-12-01T11:00:02.000Z", "node": "kth", "via": ["uksrc", "jpsrc"], "user": "mallory",
  "action": "cancel", "object": "session:019a0000-0000-8000-8000-000000000001", "decision": "denied", "rule": "owner",
  "reason": "there is no session 019a0000-0000-8000-8000-000000000001 here, or it isn't yours\u001b[2J", "count": 41, "pending": true},
 {"id": "019a0000-0000-8000-8000-00000000000a", "time": "2026-12-01T11:00:00.000Z", "node": "kth", "user": "alice",
  "action": "accept", "object": "session:019a0000-0000-8000-8000-000000000001", "decision": "allowed", "rule": "owner"}]}`

func TestTheAuditTrailIsATableOf80Columns(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI()+" "+r.Header.Get("Accept"))
		_, _ = io.WriteString(w, auditPage)
	}))
	t.Cleanup(server.Close)
	got := starling(t, server.URL, "audit", "--denied", "--object", "session:"+firstID, "--user", "mallory", "--at", "kth", "--oldest", "--limit", "7")
	assert.Equal(t, 0, got.status, got.err)
	assert.Equal(t, `
    TIME  DECISION  USER     ACTION  NODE                     TIMES  ON RECORD
11:00:02  denied    mallory  cancel  kth via jpsrc via uksrc     41  pending
   session:019a0000-0000-8000-8000-000000000001, by owner: there is no session
   019a0000-0000-8000-8000-000000000001 here, or it isn't yours[2J
11:00:00  allowed   alice    accept  kth
   session:019a0000-0000-8000-8000-000000000001, by owner
`[1:], got.out)
	for line := range strings.Lines(got.out) {
		assert.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80, line)
	}
	assert.Contains(t, asked[0], "/audit?decision=denied&limit=7&node=kth&object=session%3A"+firstID+"&oldest=true&user=mallory")

	got = starling(t, server.URL, "audit", "-o", "yaml")
	assert.Contains(t, got.out, "rule: owner")
	got = starling(t, server.URL, "audit", "-o", "csv", "--consistency", "strong")
	assert.Equal(t, 0, got.status, got.err)
	assert.Contains(t, asked[2], "/audit?consistency=strong")
	assert.Contains(t, asked[2], "text/csv")
	got = starling(t, server.URL, "audit", "--denied", "--decision", "allowed")
	assert.NotZero(t, got.status)
}
