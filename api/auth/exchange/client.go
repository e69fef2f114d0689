package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"starling/federation/identity"
)

// Grant is the grant of token exchange (RFC 8693, section 2.1).
const Grant = "urn:ietf:params:oauth:grant-type:token-exchange"

// patience is how long an issuer may take for one answer.
const patience = 10 * time.Second

// Endpoint is where an issuer gives tokens, as its discovery document says.
type Endpoint struct {
	URL    string
	Grants []string // that it offers; none: it doesn't say
}

// Options is what a Client is made of.
type Options struct {
	Issuer   string // its URL, for messages
	Endpoint func(context.Context) (Endpoint, error)
	// ClientID and Secret are what the node is known by at the issuer
	// (client_secret_basic).
	ClientID string
	Secret   func() (identity.Secret, error)
	HTTP     *http.Client     // nil: http.DefaultClient
	Now      func() time.Time // nil: time.Now
}

// Client exchanges tokens at one issuer. It is safe for concurrent use.
type Client struct {
	Options
	http  http.Client
	cache *cache
}

// New makes a client; nothing is asked before its first exchange.
func New(o Options) *Client {
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Client{Options: o, http: *o.HTTP, cache: newCache()}
	// Tokens and secrets follow nobody anywhere.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Offered reports whether the issuer exchanges tokens. The error wraps
// ErrUnavailable where it can't be found out.
func (c *Client) Offered(ctx context.Context) (bool, error) {
	at, err := c.endpoint(ctx)
	return err == nil && at.offers(), err
}

// Exchange gets a token in exchange for a user's. Where no refresh token is
// wanted one that was got before may do. The error is a *Refusal, or wraps
// ErrNotOffered, ErrUnavailable or ErrUnusable; none has a token in it.
func (c *Client) Exchange(ctx context.Context, subject identity.Secret, w Want) (Token, error) {
	fetch := func(ctx context.Context) (Token, error) {
		t, err := c.ask(ctx, w, true, url.Values{
			"grant_type":           {Grant},
			"subject_token":        {subject.Reveal()},
			"subject_token_type":   {accessToken},
			"requested_token_type": {accessToken},
		})
		if err == nil && t.Access == subject {
			return Token{}, fmt.Errorf("issuer %s: %w: it is the user's own", c.Issuer, ErrUnusable)
		}
		return t, err
	}
	if w.Offline { // whoever wants a refresh token wants one of its own
		return fetch(ctx)
	}
	return c.cache.get(ctx, digestOf(subject.Reveal(), w), c.Now, fetch)
}

// Refresh gets another access token for a refresh token (RFC 6749, section 6).
// The Token has a new refresh token where the issuer replaced the old one, which
// is then good for nothing any more: keep it before anything else is done.
func (c *Client) Refresh(ctx context.Context, refresh identity.Secret, w Want) (Token, error) {
	return c.ask(ctx, w, false, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh.Reveal()}})
}

// ask puts a form to the token endpoint.
func (c *Client) ask(ctx context.Context, w Want, exchange bool, form url.Values) (Token, error) {
	at, err := c.endpoint(ctx)
	if err != nil {
		return Token{}, err
	}
	if exchange && !at.offers() {
		return Token{}, fmt.Errorf("issuer %s: %w: its discovery document lists no %s", c.Issuer, ErrNotOffered, Grant)
	}
	if scope := strings.Join(w.words(), " "); scope != "" {
		form.Set("scope", scope)
	}
	if w.Audience != "" {
		form.Set("audience", w.Audience)
	}
	if w.Resource != "" {
		form.Set("resource", w.Resource)
	}
	status, got, err := c.post(ctx, at.URL, form)
	if err != nil {
		return Token{}, err
	}
	if status != http.StatusOK {
		return Token{}, &Refusal{Issuer: c.Issuer, Client: c.ClientID, Want: w, Status: status, Code: clean(got.Error), Detail: clean(got.ErrorDescription)}
	}
	t, err := got.token(w, exchange, c.Now())
	if err != nil {
		return Token{}, fmt.Errorf("issuer %s: %w: %w", c.Issuer, ErrUnusable, err)
	}
	return t, nil
}

// post sends a form and reads the answer, whose status is below 500.
func (c *Client) post(ctx context.Context, to string, form url.Values) (int, answer, error) {
	secret, err := c.Secret()
	if err != nil {
		// Where the file lies is nobody's business but the operator's.
		return 0, answer{}, c.unavailable(errors.New("the secret of this node's client there can't be read; its operator should look at secretFile of the issuer's exchange"))
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, answer{}, c.unavailable(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(secret.Reveal()))
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, answer{}, c.failed(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, answer{}, c.failed(ctx, err)
	}
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return 0, answer{}, c.unavailable(fmt.Errorf("it answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	}
	got, err := decode(resp.Header, body)
	if err != nil && resp.StatusCode == http.StatusOK {
		return 0, answer{}, fmt.Errorf("issuer %s: %w: %w", c.Issuer, ErrUnusable, err)
	}
	return resp.StatusCode, got, nil
}

// failed is why there is no answer: the caller has left, or the issuer is silent.
func (c *Client) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.unavailable(err)
}

// unavailable keeps the cause's words and not the cause, which may be a timeout of
// ours that nobody should take for the caller's.
func (c *Client) unavailable(err error) error {
	return fmt.Errorf("issuer %s: %w: %v", c.Issuer, ErrUnavailable, err)
}

// endpoint finds the token endpoint, to which secrets can be sent.
func (c *Client) endpoint(ctx context.Context) (Endpoint, error) {
	at, err := c.Endpoint(ctx)
	if err != nil {
		return at, c.failed(ctx, err)
	}
	u, err := url.Parse(at.URL)
	if err != nil || u.Host == "" || u.User != nil {
		return at, c.unavailable(fmt.Errorf("its token endpoint is no URL"))
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return at, c.unavailable(fmt.Errorf("its token endpoint is not https, and no token is sent there"))
	}
	return at, nil
}

func (e Endpoint) offers() bool { return len(e.Grants) == 0 || slices.Contains(e.Grants, Grant) }

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
