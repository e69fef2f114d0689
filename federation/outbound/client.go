package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// New makes a client. Who has no more requests to make calls its
// CloseIdleConnections. What it refuses is a *Refusal, which is no better at
// another attempt.
func New(o Options) *http.Client {
	o = o.complete()
	return &http.Client{
		Transport:     guarded{o, o.transport()},
		CheckRedirect: o.follow,
		Timeout:       o.Whole,
	}
}

// transport connects to where it may, and decompresses nothing.
func (o Options) transport() *http.Transport {
	dialer := &net.Dialer{
		Timeout:  o.Connect,
		Resolver: o.Resolver,
		ControlContext: func(_ context.Context, _, target string, _ syscall.RawConn) error {
			return o.judge(target)
		},
	}
	return &http.Transport{
		Proxy: nil, // it would resolve names for itself
		DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, host)
			return conn, named(err, host)
		},
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, Time: o.Now, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    o.Connect,
		ResponseHeaderTimeout:  o.Headers,
		MaxResponseHeaderBytes: o.MaxHeader,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    4,
	}
}

// named adds to a refusal the name that led to the address.
func named(err error, host string) error {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return &Refusal{Host: host, Address: refusal.Address, Why: refusal.Why}
	}
	return err
}

// guarded looks at each request, redirected ones included, and bounds its
// answer.
type guarded struct {
	Options
	next *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.request(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes it, whatever happens
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil || g.MaxBody == 0 {
		return resp, err
	}
	resp.Body = &bounded{ReadCloser: resp.Body, host: r.URL.Host, left: g.MaxBody, most: g.MaxBody}
	return resp, nil
}

// CloseIdleConnections makes http.Client.CloseIdleConnections work.
func (g guarded) CloseIdleConnections() { g.next.CloseIdleConnections() }
