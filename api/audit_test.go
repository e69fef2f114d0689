package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"starling/accounting"
)

func TestTheAuditTrailIsAskedForByWhoWhatAndWhen(t *testing.T) {
	w := newWorld(t)
	w.broker.next = "c2"
	resp := w.get("/audit?user=mallory&action=cancel&object=session:" + sessionID.String() +
		"&decision=DENIED&node=kth&since=2026-11-22T12:00:00Z&until=2026-11-23T12:00:00Z&oldest=true&limit=7&cursor=c1&consistency=strong")
	page := object(t, resp)
	require.Equal(t, http.StatusOK, resp.StatusCode, page)
	assert.Equal(t, accounting.AuditFilter{
		User: "mallory", Action: "cancel", Object: "session:" + sessionID.String(), Decision: accounting.Denied, Node: "kth",
		Since: accounting.At(noonUTC), Until: accounting.At(noonUTC.AddDate(0, 0, 1)), Oldest: true,
	}, w.broker.audited)
	assert.Equal(t, "c1", w.broker.cursor)
	assert.Equal(t, 7, w.broker.limit)
	assert.True(t, w.broker.strong)
	assert.Contains(t, page["next"], "cursor=c2")
	assert.NotEmpty(t, resp.Header.Get("Starling-Applied"))
	for _, wrong := range []string{"decision=maybe", "oldest=maybe", "since=yesterday", "usr=mallory", "consistency=some"} {
		wantProblem(t, w.get("/audit?"+wrong), http.StatusBadRequest)
	}

	w.broker.next = ""
	for accept, want := range map[string]string{
		"text/csv":             "id,time,node,via,user,issuer,roles,action,object,decision,rule,reason,count,until,pending,concealed,trace\r\n019a",
		"application/x-ndjson": `{"id":"019a0000-0000-8000-8000-00000000000a","time":"2026-11-22T12:00:00.000Z",`,
	} {
		resp := w.do(call{path: "/audit", header: map[string]string{"Accept": accept}})
		assert.True(t, strings.HasPrefix(text(t, resp), want), accept)
	}
}
