package outbound

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// follow decides about a redirect. Where it leads the request itself is judged
// for, as any other.
func (o Options) follow(r *http.Request, via []*http.Request) error {
	from := via[len(via)-1]
	switch {
	case len(via) > o.Redirects:
		return &Refusal{Host: from.URL.Host, Why: "redirects more than " + strconv.Itoa(o.Redirects) + " times"}
	case from.URL.Scheme == "https" && r.URL.Scheme != "https":
		return &Refusal{Host: from.URL.Host, Why: "redirects from https to " + quoted(r.URL.Scheme) + ", where everybody on the way can read and change it"}
	case via[0].Method != http.MethodGet && via[0].Method != http.MethodHead:
		return &Refusal{Host: from.URL.Host, Why: "redirects a " + via[0].Method + ", whose body is for nobody else"}
	}
	// net/http says where it comes from, with the signature that a URL may carry.
	r.Header.Del("Referer")
	for _, earlier := range via {
		if origin(earlier.URL) != origin(r.URL) {
			forget(r.Header)
		}
	}
	return nil
}

// forget takes out of a header what is for one origin only. net/http keeps it
// for other ports of a host, and for the hosts below.
func forget(h http.Header) {
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Www-Authenticate", "Cookie", "Cookie2"} {
		h.Del(name)
	}
}

// origin is a URL's, as RFC 6454 has it.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
