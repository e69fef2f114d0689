package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"starling/federation/identity"
	"starling/node"
)

// admit is the one place in which a request's origin and caller are
// established, and counted.
func (s *Server) admit(v *visit) error {
	refusal := s.establish(v)
	if err := s.throttled(v, refusal); err != nil {
		return err
	}
	return refusal
}

func (s *Server) establish(v *visit) error {
	r := v.Request()
	v.base = s.BaseURL
	if caller, ok := r.Context().Value(localCaller{}).(identity.Caller); ok {
		v.caller, v.local = caller, true
		return nil
	}
	if len(r.URL.RawQuery) > s.Limits.Query {
		return &fault{status: http.StatusRequestURITooLong, code: "too-long",
			detail: "the query has more than " + itoa(s.Limits.Query) + " bytes"}
	}
	if fromPeer(r) {
		return s.admitPeer(v)
	}
	if s.pages.at(v.host()) && !forPages(v.Path()) && fromBrowser(r) {
		return &fault{status: http.StatusMisdirectedRequest, code: "wrong-host", field: "Host",
			detail: "this host shows pages of sessions, and browsers get nothing else here; the API is at " + s.BaseURL}
	}
	if s.Dev && !s.ownHost(r.Host) && !s.pages.at(r.Host) {
		return &fault{status: http.StatusMisdirectedRequest, code: "wrong-host", field: "Host",
			detail: "a development node answers only to localhost, loopback addresses and the host of its own --url"}
	}
	if err := s.origins.Check(r); err != nil {
		return &fault{status: http.StatusForbidden, code: "cross-site",
			detail: "a web page of another site may not do this"}
	}
	v.base = s.baseOf(r)
	far := v.enterFar()
	if openToAll(v.Path()) {
		return nil
	}
	if granted, err := v.granted(); granted || err != nil {
		return err
	}
	if err := s.known(v); err != nil {
		if far { // then its owner says what the grants are good for
			v.caller = identity.Caller{}
			v.header().Del("WWW-Authenticate")
			return nil
		}
		return err
	}
	if v.Path() == metricsPath {
		v.caller.Trace, v.caller.Span = v.trace, v.span.ID()
		return s.Broker.Permit(r.Context(), v.caller, node.ActionReadAll, "metrics:"+string(s.Node))
	}
	return nil
}

// known finds the caller, who may ask this.
func (s *Server) known(v *visit) error {
	if err := s.identify(v); err != nil {
		return err
	}
	return v.confine()
}

// ownHost reports whether a Host header names this development node.
func (s *Server) ownHost(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	if base, err := url.Parse(s.BaseURL); err == nil && strings.EqualFold(name, base.Hostname()) {
		return true
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

// baseOf is what URLs in the answer begin with: the configured base, unless a
// proxy that is trusted says by which host and scheme the client came.
func (s *Server) baseOf(r *http.Request) string {
	host := r.Header.Get("X-Forwarded-Host")
	if host == "" || !s.fromProxy(r) || !plainHost(host) {
		return s.BaseURL
	}
	base, err := url.Parse(s.BaseURL)
	if err != nil {
		return s.BaseURL
	}
	base.Host = host
	if proto := r.Header.Get("X-Forwarded-Proto"); proto == "http" || proto == "https" {
		base.Scheme = proto
	}
	return base.String()
}

func (s *Server) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, proxy := range s.TrustedProxies {
		if proxy.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// plainHost reports whether a forwarded host is a name or address, with or
// without a port, and nothing else.
func plainHost(host string) bool {
	if len(host) > 255 {
		return false
	}
	for _, b := range []byte(host) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && !strings.ContainsRune(".-:[]", rune(b)) {
			return false
		}
	}
	return true
}
