package api

import "net/http"

// guard sets what keeps browsers from doing more with an answer than its sender
// wants: none is a page of ours, a piece of somebody else's, or for a cache.
func guard(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// release leaves to a session's program what its own pages may, but for the type
// of what it sends.
func release(h http.Header) {
	for _, name := range []string{"Content-Security-Policy", "Cross-Origin-Resource-Policy", "Referrer-Policy", "Cache-Control"} {
		h.Del(name)
	}
}
