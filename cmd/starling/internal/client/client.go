// Package client speaks a node's HTTP API on behalf of the command line: one
// method for each thing that a command needs, typed answers, and errors that
// say what to do.
//
// Requests are sent as the user wrote them, so that the node's complaints name
// the lines of her file. Answers are read as JSON, within bounds: a node is not
// trusted either.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starling/cmd/starling/internal/localhost"
	"starling/federation/identity"
	"starling/federation/tracing"
)

// ProposalHeader names the proposal that pays for what is asked.
const ProposalHeader = "Starling-Proposal"

// PlacementHeader names the policy by which offers are ranked.
const PlacementHeader = "Starling-Placement"

// maxAnswer bounds the size of an answer that is read into memory, in bytes: a
// page of a thousand sessions has some megabytes.
const maxAnswer = 64 << 20

// Client speaks to one node.
type Client struct {
	// Base is the node's URL, without a trailing slash.
	Base string
	// Token is asked for the bearer token to send, each time: it may be another one
	// by then. Nil, and "", send none.
	Token func(context.Context) (string, error)
	// Proposal pays; empty leaves it to the token.
	Proposal string
	// Consistency is how the record is read: "strong" or "local"; empty leaves it to
	// the node.
	Consistency string
	// Timeout bounds each call, but for those that stream.
	Timeout time.Duration
	// Trace is that of all calls of this client, by which nodes' logs and records tell
	// what they have done for it.
	Trace identity.Trace

	http *http.Client
	copy Copy
}

// New returns a client of a node. The URL is checked here, so that a mistyped
// one is not taken for a node that is down.
func New(base string, timeout time.Duration) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of a node, as http://127.0.0.1:7733 is", base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = localhost.Aware(transport.DialContext)
	return &Client{
		Base:    strings.TrimRight(base, "/"),
		Timeout: timeout,
		Trace:   tracing.Of(tracing.Begin(context.Background())),
		http: &http.Client{
			Transport: transport,
			// An answer of 303 carries the document itself; there is no need to
			// ask again, and a token must not follow to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Trust has the client believe these CAs of nodes that speak TLS.
func (c *Client) Trust(authorities *x509.CertPool) {
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request to the node.
type call struct {
	method, path string
	query        url.Values
	media        string // of the body
	body         []byte
	header       http.Header
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do makes a call and reads its answer. Answers of 400 and above are errors.
func (c *Client) do(ctx context.Context, what call) (*reply, error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	resp, err := c.send(ctx, what)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unreachable(err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer to %s %s has more than %d MiB", what.method, what.path, maxAnswer>>20)
	}
	if resp.StatusCode >= 400 {
		return nil, problemOf(resp, body)
	}
	c.noteCopy(resp.Header)
	return &reply{resp.StatusCode, resp.Header, body}, nil
}

// authorize adds the token to a request.
func (c *Client) authorize(r *http.Request) error {
	if c.Token == nil {
		return nil
	}
	token, err := c.Token(r.Context())
	if err == nil && token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return err
}

// open makes a call whose answer is a stream; the caller closes it. Only ctx
// bounds it.
func (c *Client) open(ctx context.Context, what call) (*http.Response, error) {
	resp, err := c.send(ctx, what)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, c.unreachable(err)
	}
	return nil, problemOf(resp, body)
}

func (c *Client) send(ctx context.Context, what call) (*http.Response, error) {
	address := c.Base + what.path
	if len(what.query) > 0 {
		address += "?" + what.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, what.method, address, bytes.NewReader(what.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	for name, values := range what.header {
		req.Header[name] = values
	}
	tracing.Send(tracing.Resume(ctx, c.Trace), req.Header)
	if what.media != "" {
		req.Header.Set("Content-Type", what.media)
	}
	if err := c.authorize(req); err != nil {
		return nil, err
	}
	if c.Proposal != "" {
		req.Header.Set(ProposalHeader, c.Proposal)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	return resp, nil
}
