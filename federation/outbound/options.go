package outbound

import (
	"cmp"
	"crypto/x509"
	"net"
	"time"

	"starling/federation/address"
)

// Options of a client. A zero value means the default that is named, or else
// that there is no bound.
type Options struct {
	// Allow are addresses of the node's own network, or ports of other protocols,
	// that may be reached all the same (outbound.allow).
	Allow address.Ranges
	// AllowPrivate opens all of the node's own machine and network: for
	// development.
	AllowPrivate bool
	// HTTPS refuses everything else, http included.
	HTTPS bool
	// RootCAs are the authorities of servers' certificates; nil: the system's.
	RootCAs *x509.CertPool
	// Redirects is how many a server may make of one request; 0: none.
	Redirects int
	// Connect is how long connecting may take, and the TLS handshake as long again:
	// 10 s. Headers is how long the beginning of an answer may take: 30 s. Whole
	// bounds a request with the body of its answer.
	Connect, Headers, Whole time.Duration
	// MaxHeader is the largest header of an answer, in bytes: 64 KiB. MaxBody is
	// the largest body.
	MaxHeader, MaxBody int64
	// Now is by what servers' certificates are good; nil: time.Now.
	Now func() time.Time
	// Resolver finds addresses; nil: the machine's.
	Resolver *net.Resolver
}

func (o Options) complete() Options {
	o.Connect = cmp.Or(o.Connect, 10*time.Second)
	o.Headers = cmp.Or(o.Headers, 30*time.Second)
	o.MaxHeader = cmp.Or(o.MaxHeader, 64<<10)
	return o
}
