package stage

import (
	"net/http"
	"time"

	"starling/federation/outbound"
)

// client makes the HTTP client: what users' URLs may lead to, and what may come
// back, is outbound's to know.
func client(o Options) *http.Client {
	return outbound.New(outbound.Options{
		Allow: o.Allow, AllowPrivate: o.AllowPrivate,
		Redirects: 5,
		Connect:   30 * time.Second, Headers: o.Headers,
	})
}
