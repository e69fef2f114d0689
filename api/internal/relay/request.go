package relay

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// rewrite makes the request that the program gets.
func (route Route) rewrite(p *httputil.ProxyRequest) {
	out := p.Out
	out.URL.Scheme, out.URL.Host, out.Host = route.Scheme, route.host(), ""
	out.URL.RawQuery = p.In.URL.RawQuery // also what url.ParseQuery would not take
	raw := route.Path + route.Rest
	if path, err := url.PathUnescape(raw); err == nil {
		out.URL.Path, out.URL.RawPath = path, raw
	}
	route.Hide(out.Header)
	route.translate(out.Header, "Origin")
	route.translate(out.Header, "Referer")
	scheme, host, _ := strings.Cut(route.Origin, "://")
	out.Header.Set("X-Forwarded-For", route.Client)
	out.Header.Set("X-Forwarded-Host", host)
	out.Header.Set("X-Forwarded-Proto", scheme)
	out.Header.Set("X-Forwarded-Prefix", route.prefix())
}

// Hide takes out of a request's header what is between the client and us.
func (route Route) Hide(h http.Header) {
	if !route.KeepAuthorization {
		h.Del("Authorization")
	}
	for name := range h {
		if route.PrivateHeader(name) {
			h.Del(name)
		}
	}
	// Whoever sits between a client and a program that trusts these is us.
	for _, name := range []string{"Forwarded", "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-Ip", "Via"} {
		h.Del(name)
	}
	lines := h["Cookie"]
	h.Del("Cookie")
	for _, line := range lines {
		if kept := route.cookies(line); kept != "" {
			h.Add("Cookie", kept)
		}
	}
}

// cookies leaves out of a line of cookies those that are ours.
func (route Route) cookies(line string) string {
	var kept []string
	for pair := range strings.SplitSeq(line, ";") {
		pair = strings.TrimSpace(pair)
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && !route.PrivateCookie(strings.TrimSpace(name)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "; ")
}

// translate writes a header that names the page that a request comes from as
// the program would know it: programs refuse what comes from another origin
// than their own. Who may come from where has been checked before.
func (route Route) translate(h http.Header, name string) {
	value := h.Get(name)
	rest, ours := strings.CutPrefix(value, route.Origin)
	switch {
	case !ours || rest != "" && !strings.HasPrefix(rest, "/"):
	case rest == "":
		h.Set(name, route.Scheme+"://"+route.host())
	case strings.HasPrefix(rest, route.Prefix):
		h.Set(name, route.Scheme+"://"+route.host()+route.Path+strings.TrimPrefix(rest, route.Prefix))
	default: // another page of ours, which is none of its business
		h.Del(name)
	}
}
