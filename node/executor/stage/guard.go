package stage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"starling/federation/address"
)

// maxRedirects is how many a server may make of one request.
const maxRedirects = 5

// ErrForbiddenAddress means that a URL leads where the node fetches nothing.
var ErrForbiddenAddress = errors.New("the node doesn't fetch data from that address")

// client makes an HTTP client that is guarded, uses no proxy (which would
// resolve names for itself) and never decompresses: sizes, ranges and checksums
// are those of the file as it is.
func client(o Options) *http.Client {
	dialer := &net.Dialer{
		Timeout: 30 * time.Second,
		ControlContext: func(_ context.Context, _, target string, _ syscall.RawConn) error {
			return check(target, o.AllowPrivate)
		},
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			DisableCompression:    true,
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: o.Headers,
			IdleConnTimeout:       30 * time.Second,
			MaxIdleConnsPerHost:   4,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return permanent(fmt.Errorf("more than %d redirects", maxRedirects))
			}
			return checkScheme(r.URL.Scheme, via[0].URL.Scheme)
		},
	}
}

// checkScheme takes http and https, but no way from the latter to the former.
func checkScheme(scheme, from string) error {
	if scheme == "https" || scheme == "http" && from != "https" {
		return nil
	}
	return permanent(fmt.Errorf("%q is no scheme to fetch it by", scheme))
}

// check decides about an address, host and port, that is about to be dialled.
func check(target string, allowPrivate bool) error {
	to, err := netip.ParseAddrPort(target)
	if err != nil {
		return permanent(fmt.Errorf("%w: %s", ErrForbiddenAddress, target))
	}
	ip := address.Plain(to.Addr())
	if address.Never(ip) || !allowPrivate && address.Private(ip) {
		return permanent(fmt.Errorf("%w: %s", ErrForbiddenAddress, ip))
	}
	return nil
}
