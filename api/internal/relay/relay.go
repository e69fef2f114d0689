package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"starling/federation/address"
)

// Route is the way of one request.
type Route struct {
	// Scheme, To and Path are where the program is: http or https, its address,
	// and a path that begins and ends with a slash.
	Scheme string
	To     netip.AddrPort
	Path   string
	// Origin and Prefix are how it is seen: "https://broker.example.org", and a
	// path that begins and ends with a slash.
	Origin string
	Prefix string
	// Rest is the request's path below Prefix, escaped.
	Rest string
	// Client is the address of the sender.
	Client string
	// Private reports whether a cookie, by its name, or a header is ours.
	PrivateCookie func(name string) bool
	PrivateHeader func(name string) bool
	// KeepAuthorization passes the header Authorization on: it is the program's.
	KeepAuthorization bool
	// Policy is added as Content-Security-Policy, unless it is "".
	Policy string
	// Failed answers the client when the program can't be reached.
	Failed func(error)
}

// Limits bound what one relayed request may cost. What is zero is not bounded.
type Limits struct {
	Dial    time.Duration // to connect, TLS included
	Headers time.Duration // from the request's end to the beginning of the answer
	Idle    time.Duration // without a byte in either direction
	// HeaderBytes is the size of the answer's header.
	HeaderBytes int64
}

// Serve leads a request along a route. It returns when the answer has ended, or
// the request's context; a WebSocket ends with either.
func Serve(w http.ResponseWriter, r *http.Request, route Route, limits Limits) {
	transport := route.transport(limits)
	defer transport.CloseIdleConnections()
	proxy := httputil.ReverseProxy{
		Rewrite:        route.rewrite,
		ModifyResponse: route.Answer,
		Transport:      final{transport, r.Context()},
		FlushInterval:  -1, // at once: who streams wants it seen
		ErrorLog:       nil,
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			route.Failed(err)
		},
	}
	proxy.ServeHTTP(w, r)
}

// final has final answers only: what a program sends before, and how often, is no
// client's affair, and net/http's proxy would clear the client's headers for each.
type final struct {
	http.RoundTripper
	ctx context.Context // without the proxy's trace
}

func (f final) RoundTrip(r *http.Request) (*http.Response, error) {
	return f.RoundTripper.RoundTrip(r.WithContext(f.ctx))
}

// transport connects to the route's address and to no other, anew for each
// request: an address may belong to somebody else a moment later.
func (route Route) transport(limits Limits) *http.Transport {
	dialer := &net.Dialer{
		Timeout: limits.Dial,
		ControlContext: func(_ context.Context, _, target string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(target)
			if err != nil || address.Plain(to.Addr()) != address.Plain(route.To.Addr()) || to.Port() != route.To.Port() ||
				address.Never(address.Plain(to.Addr())) {
				return fmt.Errorf("%s is not where this connector leads", target)
			}
			return nil
		},
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, route.To.String())
			if err != nil {
				return nil, err
			}
			return &idleConn{Conn: conn, idle: limits.Idle}, nil
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    limits.Dial,
		ResponseHeaderTimeout:  limits.Headers,
		MaxResponseHeaderBytes: limits.HeaderBytes,
		// A program in a session has no name that a certificate could be for; it
		// is known by its address, in the site's own network.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
}

// host is the program's own name for itself.
func (route Route) host() string { return route.To.String() }

// prefix is how X-Forwarded-Prefix has it: without the slash at the end.
func (route Route) prefix() string { return strings.TrimSuffix(route.Prefix, "/") }
