package line

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

var errNotLoopback = errors.New("without certificates (--dev) only a loopback address will do, as 127.0.0.1 is; `starling keygen` makes certificates")

// mustBeLoopback refuses addresses that others could reach. A name could come to
// mean another address, but for localhost.
func mustBeLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("want HOST:PORT: %w", err)
	}
	if host == "localhost" {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.Unmap().IsLoopback() {
		return errNotLoopback
	}
	return nil
}

// advertised is the address at which others reach what is bound.
func advertised(wanted string, bound net.Addr) (string, error) {
	at, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		return "", fmt.Errorf("listen for other nodes on %s: %w", bound, err)
	}
	if wanted == "" {
		if at.Addr().IsUnspecified() {
			return "", fmt.Errorf("listen for other nodes on %s: every address of this machine is bound; say at which one others reach it (--raft-advertise HOST:PORT)", bound)
		}
		return at.String(), nil
	}
	host, port, err := net.SplitHostPort(wanted)
	if err != nil {
		return "", fmt.Errorf("address for other nodes %q: want HOST:PORT: %w", wanted, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" {
		return "", fmt.Errorf("address for other nodes %q: want HOST:PORT", wanted)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		return "", fmt.Errorf("address for other nodes %q: nobody can call that; want the address at which others reach this machine", wanted)
	}
	if number == 0 {
		number = uint64(at.Port())
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), nil
}

// fixed is an address that is known already.
type fixed string

// Network is described at net.Addr.
func (fixed) Network() string { return "tcp" }

// String is described at net.Addr.
func (a fixed) String() string { return string(a) }
