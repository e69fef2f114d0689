package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"starling/federation/identity"
)

// admit is the one place in which a request's origin and caller are
// established.
func (s *Server) admit(v *visit) error {
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
	if openToAll(v.Path()) {
		return nil
	}
	if granted, err := v.granted(); granted || err != nil {
		return err
	}
	if err := s.identify(v); err != nil {
		return err
	}
	if v.Path() == metricsPath && !v.caller.SeesAll() {
		return &fault{status: http.StatusForbidden, code: "forbidden", detail: "the metrics are for operators and auditors"}
	}
	return nil
}

// identify finds the caller. The role of a built-in executor is only ever
// given by Local: an authenticator that lets it through is not believed.
func (s *Server) identify(v *visit) error {
	caller, err := s.Authenticator.Authenticate(v.Request())
	if err == nil && !caller.Has(identity.RoleBuiltIn) && caller.User != "" {
		v.caller = caller
		return v.choosePayer()
	}
	challenge, detail := `Bearer realm="starling"`, "the sender can't be established"
	if err != nil {
		detail = err.Error()
	}
	if len(v.Request().Header["Authorization"]) > 0 {
		challenge += `, error="invalid_token"`
	}
	v.header().Set("WWW-Authenticate", challenge)
	return &fault{status: http.StatusUnauthorized, code: "unauthorized", detail: detail, field: "Authorization"}
}

// proposalHeader names the proposal that pays for what is asked.
const proposalHeader = "Starling-Proposal"

// choosePayer takes the proposal that a request names, if its sender may charge
// it: the one that the token names, or any for an operator.
func (v *visit) choosePayer() error {
	named := v.Request().Header.Get(proposalHeader)
	if named == "" || named == v.caller.Proposal {
		return nil
	}
	if !v.caller.Has(identity.RoleOperator) {
		return &fault{status: http.StatusForbidden, code: "forbidden", field: proposalHeader,
			detail: "your token doesn't let you charge this proposal; leave the header out to charge the token's own, or your personal account"}
	}
	if len(named) > 200 || strings.ContainsFunc(named, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return &fault{status: http.StatusBadRequest, code: "invalid", field: proposalHeader,
			detail: "a proposal's name has at most 200 printable bytes"}
	}
	v.caller.Proposal = named
	return nil
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
