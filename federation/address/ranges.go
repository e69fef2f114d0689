package address

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Range is a network, of one address at least, and a port; 0 is every port.
type Range struct {
	Network netip.Prefix
	Port    uint16
}

// ErrRange says how a range is written.
var ErrRange = errors.New("want an address or a network, with or without a port, as 172.18.0.0/16, 172.18.0.2:8888 and [fd00::]/64:8888 are; names are not taken")

// ParseRange reads a range: ADDRESS[/BITS][:PORT], an IPv6 address in brackets
// where a port follows.
func ParseRange(text string) (Range, error) {
	network, port, err := split(text)
	if err != nil {
		return Range{}, fmt.Errorf("%q: %w", text, err)
	}
	address, bits, masked := strings.Cut(network, "/")
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"))
	if err != nil || ip.Zone() != "" {
		return Range{}, fmt.Errorf("%q: %w", text, ErrRange)
	}
	length := ip.BitLen()
	if masked {
		n, err := strconv.ParseUint(bits, 10, 8)
		if err != nil || int(n) > length {
			return Range{}, fmt.Errorf("%q: %w", text, ErrRange)
		}
		length = int(n)
	}
	if ip.Is4In6() {
		if length < 96 {
			return Range{}, fmt.Errorf("%q: %w", text, ErrRange)
		}
		ip, length = ip.Unmap(), length-96
	}
	return Range{Network: netip.PrefixFrom(ip, length).Masked(), Port: port}, nil
}

// split cuts the port off a range.
func split(text string) (network string, port uint16, err error) {
	at := strings.LastIndexByte(text, ':')
	bare := strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "[") // IPv6 without a port
	if at < 0 || bare || at < strings.LastIndexByte(text, ']') {
		return text, 0, nil
	}
	n, err := strconv.ParseUint(text[at+1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, ErrRange
	}
	return text[:at], uint16(n), nil
}

// String writes a range as ParseRange reads it.
func (r Range) String() string {
	if r.Port == 0 {
		return r.Network.String()
	}
	port := ":" + strconv.Itoa(int(r.Port))
	if r.Network.Addr().Is4() {
		return r.Network.String() + port
	}
	return "[" + r.Network.Addr().String() + "]/" + strconv.Itoa(r.Network.Bits()) + port
}

// Covers reports whether all of another range is in this one.
func (r Range) Covers(other Range) bool {
	return (r.Port == 0 || r.Port == other.Port) && r.Network.Bits() <= other.Network.Bits() && r.Network.Contains(other.Network.Addr())
}

// Ranges are several.
type Ranges []Range

// ParseRanges reads a list; the error says which entry is none, by its index.
func ParseRanges(texts []string) (all Ranges, bad int, err error) {
	for i, text := range texts {
		r, err := ParseRange(text)
		if err != nil {
			return nil, i, err
		}
		all = append(all, r)
	}
	return all, 0, nil
}

// Contain reports whether an address is in one of the ranges, and one to which
// a node ever connects.
func (all Ranges) Contain(to netip.AddrPort) bool {
	ip := Plain(to.Addr())
	return !Never(ip) && all.Cover(Range{Network: netip.PrefixFrom(ip, ip.BitLen()), Port: to.Port()})
}

// Cover reports whether a range is within one of the ranges.
func (all Ranges) Cover(r Range) bool {
	return slices.ContainsFunc(all, func(own Range) bool { return own.Covers(r) })
}
