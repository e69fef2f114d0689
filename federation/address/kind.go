package address

import "net/netip"

// Plain is an address as it is judged: an IPv4 address that is wrapped in an
// IPv6 one counts as what it is, and a zone doesn't count.
func Plain(ip netip.Addr) netip.Addr { return embedded(ip.Unmap().WithZone("")) }

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

// Never reports whether there is nothing for anybody at a plain address, or
// only the cloud's own: unspecified, multicast, link-local, metadata, reserved.
func Never(ip netip.Addr) bool {
	return !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() ||
		within(ip, reserved()) || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Private reports whether a plain address is of the node's own machine or
// network.
func Private(ip netip.Addr) bool {
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
