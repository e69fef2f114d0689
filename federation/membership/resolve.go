package membership

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// mostAddresses bounds how many addresses of one host name are tried.
const mostAddresses = 8

// resolve turns HOST:PORT into addresses, IPv4 first. memberlist would ask DNS
// in a way of its own, and couldn't be told to stop.
func resolve(ctx context.Context, hostport string) ([]netip.AddrPort, error) {
	if err := hostPort(hostport); err != nil {
		return nil, err
	}
	if at, err := netip.ParseAddrPort(hostport); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}, nil
	}
	host, text, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var four, six []netip.AddrPort
	for _, ip := range found {
		if ip = ip.Unmap(); ip.Is4() {
			four = append(four, netip.AddrPortFrom(ip, uint16(port)))
		} else {
			six = append(six, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	all := append(four, six...)
	return all[:min(len(all), mostAddresses)], nil
}

// advertised is the address that others are told: the one given, or the one that
// is listened on if that says where this machine is. Where a name can't be looked
// up, it is the address that it had before, if any: no node may stay away because
// DNS does.
func advertised(ctx context.Context, listening netip.AddrPort, given, before string) (netip.AddrPort, error) {
	if given == "" {
		if listening.Addr().IsUnspecified() {
			return netip.AddrPort{}, fmt.Errorf("gossip listens on every address of this machine (%s): say at which one the other nodes reach it (--gossip-advertise HOST:PORT)", listening)
		}
		return listening, nil
	}
	all, err := resolve(ctx, given)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no IP address", given)
	}
	if at, old := netip.ParseAddrPort(before); err != nil && old == nil && hostPort(given) == nil {
		return at, nil
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("gossip address to advertise: %w", err)
	}
	return all[0], nil
}
