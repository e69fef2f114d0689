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
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return check(address, o.AllowPrivate)
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
func check(address string, allowPrivate bool) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return permanent(fmt.Errorf("%w: %s", ErrForbiddenAddress, address))
	}
	ip := embedded(to.Addr().Unmap().WithZone(""))
	if never(ip) || !allowPrivate && private(ip) {
		return permanent(fmt.Errorf("%w: %s", ErrForbiddenAddress, ip))
	}
	return nil
}

// embedded is the IPv4 address to which a NAT64 gateway translates an IPv6 one,
// by the well-known prefix (RFC 6052): on a network that has only IPv6, that is
// how everything else is reached.
func embedded(ip netip.Addr) netip.Addr {
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(ip) {
		return ip
	}
	bytes := ip.As16()
	return netip.AddrFrom4([4]byte(bytes[12:]))
}

// never are addresses at which there is no data, or only the cloud's own.
func never(ip netip.Addr) bool {
	return !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() ||
		within(ip, reserved()) || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// private are the node's own machine and network.
func private(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || within(ip, shared())
}

// reserved are IPv4 0/8 and 240/4; the cloud metadata addresses that aren't
// link-local (AWS over IPv6, Alibaba); and the ways into IPv4 through IPv6:
// compatible addresses, local NAT64, Teredo, 6to4.
func reserved() []netip.Prefix {
	return prefixes("0.0.0.0/8", "240.0.0.0/4", "fd00:ec2::254/128", "100.100.100.200/32",
		"::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
}

// shared are the carriers' addresses (RFC 6598), benchmarks' and IETF's own,
// and site-local IPv6.
func shared() []netip.Prefix {
	return prefixes("100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24", "fec0::/10")
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

func within(ip netip.Addr, all []netip.Prefix) bool {
	if ip == netip.IPv6Loopback() {
		return false
	}
	for _, prefix := range all {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}
