package outbound

import (
	"net/netip"
	"net/url"

	"starling/federation/address"
)

// judge decides about an address, host and port, that is about to be dialled.
func (o Options) judge(target string) error {
	to, err := netip.ParseAddrPort(target)
	if err != nil {
		return &Refusal{Address: target, Why: "is no address"}
	}
	ip := address.Plain(to.Addr())
	switch {
	case address.Never(ip):
		return &Refusal{Address: target, Why: "is link-local, multicast or reserved: clouds keep credentials in such places, and nothing is ever fetched from them"}
	case o.Allow.Contain(to):
		return nil
	case address.Private(ip) && !o.AllowPrivate:
		return &Refusal{Address: target, Why: "is of the node's own machine or network; its operator can open it (outbound.allow)"}
	case foreign(to.Port()):
		return &Refusal{Address: target, Why: "is a port of another protocol than HTTP; the node's operator can open it (outbound.allow)"}
	}
	return nil
}

// foreign reports whether a port belongs to another protocol: one line of a
// request that is taken for a command is enough to send mail.
func foreign(port uint16) bool { return port < 1024 && port != 80 && port != 443 }

// request decides about a URL before anything is done about it.
func (o Options) request(u *url.URL) error {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || o.HTTPS):
		return &Refusal{Host: u.Host, Why: "is to be asked by " + quoted(u.Scheme) + ", which is not done; use " + o.schemes()}
	case u.Hostname() == "":
		return &Refusal{Host: "the URL", Why: "names no host"}
	case u.User != nil:
		return &Refusal{Host: u.Host, Why: "stands behind a user name in its URL; names and passwords there would end up in records: leave them out"}
	}
	return nil
}

func (o Options) schemes() string {
	if o.HTTPS {
		return "https"
	}
	return "https or http"
}
