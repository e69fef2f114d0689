package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"starling/api/despatch"
	"starling/cmd/starling/internal/localhost"
	"starling/cmd/starling/internal/login"
)

// despatchClient is an executor's way to the chosen node.
func (a *app) despatchClient(log *slog.Logger) (*despatch.Client, error) {
	c, err := a.connect() // it has checked the URL, and found the token
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(c.Base); err == nil && u.Scheme == "http" && c.Token != nil && !login.Loopback(u.Hostname()) {
		log.Warn("the token goes over the network in clear; use the node's https URL", "node", c.Base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	authorities, err := a.authorities()
	if err != nil {
		return nil, err
	}
	if authorities != nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	}
	transport.MaxIdleConnsPerHost = 32 // each attempt holds a request, and sends files
	transport.DialContext = localhost.Aware((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext)
	return &despatch.Client{
		Base: c.Base,
		HTTP: &http.Client{
			Transport: &bearer{next: transport, token: c.Token, find: func() (tokenSource, error) { return a.findToken(c.Base) }},
			// A token must not follow to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// tokenSource gives the token that is good at present.
type tokenSource = func(context.Context) (string, error)

// bearer sends a token, and looks for a new one where the node doesn't take it:
// tokens end, and whoever replaces the file shouldn't have to stop the work.
type bearer struct {
	next http.RoundTripper
	find func() (tokenSource, error)

	mu    sync.Mutex
	token tokenSource
}

// RoundTrip implements http.RoundTripper. A request that is refused is answered
// so; the next has the new token.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	find := b.token
	b.mu.Unlock()
	if find != nil {
		token, err := find(r.Context())
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := b.next.RoundTrip(r)
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		if found, err := b.find(); err == nil {
			b.mu.Lock()
			b.token = found
			b.mu.Unlock()
		}
	}
	return resp, err
}

// CloseIdleConnections ends those of the transport within.
func (b *bearer) CloseIdleConnections() {
	if t, ok := b.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}
