package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badBody is a body that no operation can do anything with.
type badBody struct {
	name, mediaType, body string
	status                int
}

var badBodies = []badBody{
	{"empty", "application/json", "", 400},
	{"truncated JSON", "application/json", sampleRequest[:40], 400},
	{"no JSON", "application/json", "hello", 400},
	{"a list", "application/json", "[]", 400},
	{"two values", "application/json", sampleRequest + "{}", 400},
	{"a name twice", "application/json", `{"compute":{"kind":"a"},"compute":{"kind":"b"}}`, 400},
	{"wrong type", "application/json", `{"executable": 7}`, 400},
	{"invalid UTF-8", "application/json", "{\"executable\": {\"kind\": \"\xff\xfe\"}}", 400},
	{"deep JSON", "application/json", `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}", 400},
	{"long list", "application/json", `{"costs":[` + strings.Repeat("{},", 20000) + `{}]}`, 400},
	{"too large", "application/json", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
	{"YAML bomb", "application/yaml", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", 400},
	{"broken YAML", "application/yaml", "executable: [", 400},
	{"XML entities", "application/xml", `<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]><ExecutionRequest><executable kind="&c;"/></ExecutionRequest>`, 400},
	{"broken XML", "application/xml", "<ExecutionRequest>", 400},
	{"deep XML", "application/xml", strings.Repeat("<executable>", 5000), 400},
	{"text", "text/plain", "executable", 415},
	{"a form", "application/x-www-form-urlencoded", "a=b", 415},
	{"no media type", "/;;", "{}", 415},
}

func TestBadBodiesAreRefusedAndAskNothing(t *testing.T) {
	for _, bad := range badBodies {
		for _, path := range []string{"/requests", "/direct", on("")} {
			w := newWorld(t)
			resp := w.do(call{method: http.MethodPost, path: path, body: bad.body, header: map[string]string{"Content-Type": bad.mediaType}})
			assert.Equal(t, bad.status, resp.StatusCode, "%s to %s: %s", bad.name, path, text(t, resp))
			assert.Nil(t, w.broker.asked, bad.name)
			assert.Nil(t, w.broker.change, bad.name)
		}
	}
}

func TestBadReportsAreRefused(t *testing.T) {
	ref := "/history/" + attemptID.String()
	for _, bad := range []badBody{
		{"empty", "application/json", "", 400},
		{"truncated", "application/json", `{"fence":`, 400},
		{"wrong type", "application/json", `{"fence":"x"}`, 400},
		{"wrong list", "application/json", `[]`, 400},
		{"negative fence", "application/json", `{"fence":-1}`, 400},
		{"a name twice", "application/json", `{"fence":1,"fence":2}`, 400},
		{"bad time", "application/json", `{"time":"yesterday","updates":[{"time":"yesterday"}],"windows":[{"start":"yesterday"}]}`, 400},
		{"invalid UTF-8", "application/json", "{\"key\":\"\xff\",\"name\":\"\xff\",\"updates\":[{\"key\":\"\xff\"}]}", 400},
		{"deep", "application/json", `{"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, 400},
		{"too large", "application/json", `{"key":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"YAML", "application/yaml", "fence: 1", 415},
	} {
		for _, path := range []string{"/executors", ref + "/updates", ref + "/completion"} {
			if bad.name == "wrong type" && path == "/executors" || bad.name == "negative fence" && path == "/executors" {
				continue // no fence there
			}
			w := newWorld(t)
			resp := w.do(call{method: http.MethodPost, path: path, body: bad.body, header: map[string]string{"Content-Type": bad.mediaType}})
			wantProblem(t, resp, bad.status)
			assert.Empty(t, w.broker.caller.User, "%s to %s asked the broker", bad.name, path)
		}
	}
}

func TestProblemsNameTheFieldAtFault(t *testing.T) {
	w := newWorld(t)
	p := wantProblem(t, w.post("/history/"+attemptID.String()+"/updates", `{"updates":[{},{"progress":"x"}]}`), http.StatusBadRequest)
	assert.Equal(t, "/updates/1/progress", p["field"])
	p = wantProblem(t, w.post("/requests", `{"compute":{"kind":"https://www.purl.org/ivoa.net/Calycopis-openapi/schema/v1.0/kinds/compute/simple-compute-resource.yaml","cores":{"min":"many"}}}`), http.StatusBadRequest)
	assert.Equal(t, "/compute/cores/min", p["field"])
}

// unsized hides the length of a body, so that it is sent in chunks.
type unsized struct{ io.Reader }

func TestAChunkedBodyIsBoundedToo(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.server)
	defer server.Close()
	for _, path := range []string{"/requests", "/executors", "/executors/" + workerID.String() + "/despatch"} {
		body := unsized{strings.NewReader(`{"a":"` + strings.Repeat("x", 2<<20) + `"}`)}
		r, err := http.NewRequest(http.MethodPost, server.URL+path, body)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer alice")
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		wantProblem(t, resp, http.StatusRequestEntityTooLarge)
	}
}

func TestEncodedBodiesAreRefused(t *testing.T) {
	w := newWorld(t)
	resp := w.do(call{method: http.MethodPost, path: "/requests", body: sampleRequest, header: map[string]string{"Content-Encoding": "gzip"}})
	wantProblem(t, resp, http.StatusUnsupportedMediaType)
	assert.Equal(t, "identity", resp.Header.Get("Accept-Encoding"))
	resp = w.do(call{method: http.MethodPost, path: "/requests", body: sampleRequest, header: map[string]string{"Content-Encoding": "identity"}})
	assert.Equal(t, http.StatusSeeOther, resp.StatusCode)
}

func TestBadPathsAndQueriesAreRefused(t *testing.T) {
	for path, status := range map[string]int{
		"/sessions/x":                                  400,
		"/sessions/" + strings.Repeat("a", 3000):       400,
		"/sessions/":                                   404,
		"/offersets/01938f5e-0000-8000-8000-01234567":  400,
		"/history/x":                                   400,
		"/accounts/x/entries":                          400,
		"/sessions?limit=0":                            400,
		"/sessions?limit=-1":                           400,
		"/sessions?limit=many":                         400,
		"/sessions?phase=TIRED":                        400,
		"/sessions?pase=RUNNING":                       400,
		"/sessions?since=yesterday":                    400,
		"/sessions?name=a%00b":                         400,
		"/sessions?name=a%0d%0aSet-Cookie:x":           400,
		"/sessions?name=" + strings.Repeat("n", 600):   400,
		"/sessions?cursor=" + strings.Repeat("c", 600): 400,
		"/sessions?x=" + strings.Repeat("q", 9000):     414,
		"/sessions?a=%zz":                              400,
		"/sessions?a;b":                                400,
		"/history?phase=OFFERED":                       400,
		"/accounts?owner=moon:1":                       400,
		"/statements?owner=user:":                      400,
		on("/events?after=-1"):                         400,
		on("/events?after=x"):                          400,
		on("/stdout?follow=perhaps"):                   400,
		on("/files/../../etc/passwd"):                  400,
		on("/files/%2e%2e/%2e%2e/etc/passwd"):          400,
		on("/files//etc/passwd"):                       400,
		on("/files/a%00b"):                             400,
		on("/files/"):                                  400,
		on("/files/none.txt"):                          404,
	} {
		w := newWorld(t)
		resp := w.do(call{path: path})
		assert.Equal(t, status, resp.StatusCode, "%s: %s", path, text(t, resp))
		assert.Equal(t, problemType, resp.Header.Get("Content-Type"), path)
	}
}

func TestBadWaitsAndKeysAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, wait := range []string{"soon", "-1s", "-1", "1e9s9"} {
		wantProblem(t, w.post("/executors/"+workerID.String()+"/despatch?wait="+wait, ""), http.StatusBadRequest)
	}
	for _, key := range []string{"", strings.Repeat("k", 256), "schlüssel", "a\tb"} {
		resp := w.do(call{method: http.MethodPost, path: on(""), body: acceptUpdate, header: map[string]string{"Idempotency-Key": key}})
		wantProblem(t, resp, http.StatusBadRequest)
	}
}

// What a client sends comes back in no header but as one line.
func TestNothingIsInjectedIntoHeaders(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"a b", "a\r\nb", strings.Repeat("i", 65), "<script>", ""} {
		resp := w.do(call{path: "/sessions", header: map[string]string{"X-Request-Id": id}})
		assert.NotEqual(t, id, resp.Header.Get("X-Request-Id"))
		assert.Regexp(t, `^[A-Za-z0-9-]+$`, resp.Header.Get("X-Request-Id"))
	}
	w.broker.output = []byte("x")
	name := "a\"; filename=evil.exe\r\nSet-Cookie: a=b"
	resp := w.get(on("/files/" + url.PathEscape(name)))
	require.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Equal(t, `attachment; filename="a_; filename=evil.exe__Set-Cookie: a=b"; filename*=UTF-8''a%22%3B%20filename%3Devil.exe%0D%0ASet-Cookie%3A%20a%3Db`,
		resp.Header.Get("Content-Disposition"))
	assert.Empty(t, resp.Header.Get("Set-Cookie"))
}

// No bytes whatever make a handler fail: 500 is for our own faults.
func FuzzBodiesNeverFailAHandler(f *testing.F) {
	for _, bad := range badBodies {
		f.Add(bad.mediaType, bad.body[:min(len(bad.body), 500)])
	}
	f.Fuzz(func(t *testing.T, mediaType, body string) {
		w := newWorld(t)
		for _, path := range []string{"/requests", on(""), "/executors", "/history/" + attemptID.String() + "/completion"} {
			resp := w.do(call{method: http.MethodPost, path: path, body: body, header: map[string]string{"Content-Type": mediaType}})
			assert.Less(t, resp.StatusCode, 500)
		}
	})
}
