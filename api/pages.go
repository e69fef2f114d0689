package api

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"starling/federation/identity"
)

// pages says where pages of sessions are shown. They come from anybody's
// container, and a page may do whatever its origin may: at the API's own it
// could, in development, ask for anything at all. So they are shown at another
// host, or else in a sandbox; see DESIGN.md.
type pages struct {
	own     *url.URL // the base of their URLs; nil: the API's own. "*" is the session's UUID
	trusted bool     // no sandbox at the API's own host
}

// pagePolicy shuts a page in at an origin of its own that nobody shares. It
// loses its cookies by that, and most notebooks don't work.
const pagePolicy = "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals"

// shown is how one answer of a session's program is shown.
type shown struct {
	base   string // that its URLs begin with
	policy string // what is added as Content-Security-Policy
}

// baseOf is what URLs of a session's pages begin with; otherwise where there is
// no host for them.
func (p pages) baseOf(id identity.UUID, otherwise string) string {
	if p.own == nil {
		return otherwise
	}
	return strings.Replace(p.own.String(), "*", id.String(), 1)
}

// linkBase is what a link into a session begins with. Where another node asks, that
// is where its client reaches it; which host it has for pages, it knows itself.
func (p pages) linkBase(v *visit, id identity.UUID) string {
	if v.peer != "" {
		return v.base
	}
	return p.baseOf(id, v.base)
}

// sandboxed reports whether pages that are entered by a link are shut in.
func (p pages) sandboxed() bool { return p.own == nil && !p.trusted }

// shownAt says how the answer to a request is shown.
func (p pages) shownAt(v *visit, id identity.UUID) shown {
	if v.peer != "" { // which has the browser, and sees to it
		return shown{base: v.base}
	}
	if base := p.baseOf(id, ""); base != "" && sameHost(v.host(), base) {
		return shown{base: base}
	}
	if p.trusted {
		return shown{base: v.base}
	}
	return shown{base: v.base, policy: pagePolicy}
}

// at reports whether a host is one for pages.
func (p pages) at(host string) bool {
	if p.own == nil {
		return false
	}
	label, _, _ := strings.Cut(host, ".")
	return sameHost(host, strings.Replace(p.own.String(), "*", strings.ToLower(label), 1))
}

// sameHost reports whether a Host header and a URL name the same host and port.
func sameHost(host, base string) bool {
	u, err := url.Parse(base)
	return err == nil && strings.EqualFold(withPort(host, u.Scheme), withPort(u.Host, u.Scheme))
}

// withPort adds a scheme's own port where none is said.
func withPort(host, scheme string) string {
	if (&url.URL{Host: host}).Port() != "" {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// host is the host that the client asked, as far as it is known.
func (v *visit) host() string {
	if host := v.Request().Header.Get("X-Forwarded-Host"); host != "" && v.server.fromProxy(v.Request()) && plainHost(host) {
		return host
	}
	return v.Request().Host
}

// fromBrowser reports whether a request bears a mark that browsers set, and let
// no page take away.
func fromBrowser(r *http.Request) bool {
	h := r.Header
	return h.Get("Sec-Fetch-Site") != "" || h.Get("Origin") != "" || h.Get("Cookie") != ""
}

// navigation reports whether a browser asks for a page to be shown as such.
func navigation(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

// fromOwnPage refuses what a page of another origin sends to a session's
// program: whatever changes something, WebSockets, and pieces of a page.
func (v *visit) fromOwnPage() error {
	r := v.Request()
	id, err := v.uuid("uuid")
	if err != nil {
		return err
	}
	foreign := &fault{status: http.StatusForbidden, code: "cross-site", field: "Origin",
		detail: "a page of another origin may not talk to what runs in this session"}
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && !navigation(r) {
		return foreign
	}
	if origin := r.Header.Get("Origin"); origin != "" && (r.Header.Get("Upgrade") != "" || !safe(r.Method)) &&
		origin != originOf(v.base) && origin != originOf(v.server.pages.baseOf(id, v.base)) {
		return foreign
	}
	return nil
}

// showElsewhere leads a browser that needs no token, and so no link, to where a page
// is shown; false if it is there.
func (v *visit) showElsewhere(id identity.UUID) bool {
	s := v.server
	if !s.Dev || !navigation(v.Request()) || s.pages.at(v.host()) || s.pages.own == nil {
		return false
	}
	v.header().Set("Location", s.pages.baseOf(id, v.base)+v.Request().URL.RequestURI())
	v.Response().WriteHeader(http.StatusTemporaryRedirect)
	return true
}

// originOf is the origin of a URL.
func originOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// whileOpen is a context that also ends when a channel is closed.
func whileOpen(ctx context.Context, closed <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-gone }
}

// forPages reports whether a route is served at a host for pages.
func forPages(path string) bool {
	return path == connectBare || path == connectInside || path == enterPath
}
