package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Promise 8: no browser keeps an answer, shows it as a page or in one, or gives
// it to a page of another site; whatever is asked, and whoever asks.
func TestPromise8EveryAnswerIsGuarded(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.server.routes() {
		for _, stranger := range []bool{true, false} {
			c := call{method: r.method, path: template(r.path), stranger: stranger}
			guarded(t, w.do(c).Header, r.method+" "+r.path)
		}
	}
	guarded(t, w.get("/no/such/path").Header, "nothing")
	guarded(t, w.do(call{method: "TRACE", path: "/sessions"}).Header, "TRACE")
	guarded(t, w.do(call{path: "/sessions?x=" + strings.Repeat("x", 10<<10)}).Header, "a long query")
}

func guarded(t *testing.T, h http.Header, what string) {
	t.Helper()
	assert.Equal(t, []string{"nosniff"}, h["X-Content-Type-Options"], what)
	assert.Equal(t, []string{"same-origin"}, h["Cross-Origin-Resource-Policy"], what)
	assert.Equal(t, []string{"no-referrer"}, h["Referrer-Policy"], what)
	assert.Equal(t, []string{"no-store"}, h["Cache-Control"], what)
	assert.Len(t, h["Content-Security-Policy"], 1, what)
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		assert.Contains(t, h.Get("Content-Security-Policy"), part, what)
	}
	for _, name := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin"} {
		assert.Empty(t, h[name], what)
	}
}
