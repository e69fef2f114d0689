package address

import "net/netip"

// Source is what counts as one sender: an IPv4 address, or of IPv6 the network
// that a customer gets, who has the choice of all addresses in it.
func Source(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		network, _ := ip.Prefix(64)
		ip = network.Addr()
	}
	return ip
}
