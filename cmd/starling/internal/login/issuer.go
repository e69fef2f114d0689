package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starling/cmd/starling/internal/words"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256 << 10

// Issuer is one that has said where its endpoints are.
type Issuer struct {
	URL        string `json:"issuer"`
	Token      string `json:"token_endpoint"`
	Device     string `json:"device_authorization_endpoint"`
	Revocation string `json:"revocation_endpoint"`
	// Skew is by how much the issuer's clock is ahead of this machine's.
	Skew time.Duration `json:"-"`

	caller Caller
}

// Caller is how issuers are spoken to.
type Caller struct {
	// HTTP doesn't follow redirects: what is sent is for one address.
	HTTP *http.Client
	// Now tells the time, and Sleep waits.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Timeout bounds each call.
	Timeout time.Duration
}

// Unreachable says that no answer came from an issuer.
type Unreachable struct {
	Issuer string
	Err    error
}

// Error says which one, and why.
func (u *Unreachable) Error() string {
	return fmt.Sprintf("no answer from the issuer %s: %v", u.Issuer, u.Err)
}

// Unwrap returns why there was no answer.
func (u *Unreachable) Unwrap() error { return u.Err }

// Refused is what an issuer answers to what it doesn't do (RFC 6749 section 5.2).
type Refused struct {
	Issuer string
	Status int
	Code   string
	Reason string
}

// Error says which issuer refuses, and why.
func (r *Refused) Error() string {
	text := fmt.Sprintf("the issuer %s refuses", r.Issuer)
	if r.Code == "" {
		return fmt.Sprintf("%s: it answered %d %s", text, r.Status, http.StatusText(r.Status))
	}
	text += ": " + r.Code
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// refusedWith reports whether an issuer has refused with a code.
func refusedWith(err error, code string) bool {
	var r *Refused
	return errors.As(err, &r) && r.Code == code
}

// discoveryPath is where an issuer says where its endpoints are (OpenID Connect
// Discovery 1.0 section 4).
const discoveryPath = "/.well-known/openid-configuration"

// Discover asks an issuer for its endpoints. They must be safe to send a token
// to, and the issuer must be the one that was asked for.
func (c Caller) Discover(ctx context.Context, issuer string) (*Issuer, error) {
	if err := Secure(issuer); err != nil {
		return nil, fmt.Errorf("the issuer %s: %w", words.Clean(issuer), err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+discoveryPath, nil)
	if err != nil {
		return nil, err
	}
	found := &Issuer{caller: c}
	header, err := c.fetch(request, issuer, found)
	if err != nil {
		return nil, err
	}
	if found.URL != issuer {
		return nil, fmt.Errorf("%s says that it is the issuer %.200q: it isn't the one that was asked for; mind the slash at the end",
			issuer, words.Clean(found.URL))
	}
	for name, endpoint := range map[string]string{"token": found.Token, "device": found.Device, "revocation": found.Revocation} {
		if endpoint == "" {
			continue
		}
		if err := Secure(endpoint); err != nil {
			return nil, fmt.Errorf("the issuer %s: its %s endpoint: %w", issuer, name, err)
		}
	}
	if found.Token == "" {
		return nil, fmt.Errorf("the issuer %s has no token endpoint", issuer)
	}
	if at, err := http.ParseTime(header.Get("Date")); err == nil {
		found.Skew = at.Sub(c.Now()).Round(time.Second)
	}
	return found, nil
}

// Secure returns nil for a URL to which a secret can be sent: nobody on the way
// reads it.
func Secure(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("%.200q is not a URL, as https://issuer.example.org is", words.Clean(text))
	}
	if u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s is not https: what is sent there could be read on the way", words.Clean(u.Redacted()))
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// post sends a form to an endpoint, and reads the answer into a document.
func (i *Issuer) post(ctx context.Context, endpoint string, form url.Values, document any) error {
	return i.postAs(ctx, endpoint, form, nil, document)
}

// postAs does it as a client that has a secret.
func (i *Issuer) postAs(ctx context.Context, endpoint string, form url.Values, as *url.Userinfo, document any) error {
	ctx, cancel := context.WithTimeout(ctx, i.caller.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if as != nil {
		secret, _ := as.Password()
		request.SetBasicAuth(url.QueryEscape(as.Username()), url.QueryEscape(secret))
	}
	_, err = i.caller.fetch(request, i.URL, document)
	return err
}

// fetch sends a request to an issuer, and reads the answer into a document; nil
// takes any.
func (c Caller) fetch(request *http.Request, issuer string, document any) (http.Header, error) {
	request.Header.Set("Accept", "application/json")
	resp, err := c.HTTP.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the rest may have the form's address in it
		}
		if errors.Is(err, context.Canceled) {
			return nil, context.Canceled
		}
		return nil, &Unreachable{issuer, err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, &Unreachable{issuer, err}
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("the issuer %s answers more than %d bytes", issuer, maxAnswer)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(issuer, resp.StatusCode, text)
	}
	if document == nil {
		return resp.Header, nil
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if json.Unmarshal(text, document) != nil { // its error may show what was sent
		return nil, fmt.Errorf("the issuer %s answers something else than it should, of type %.80q", issuer, words.Clean(media))
	}
	return resp.Header, nil
}

// refusal reads an error, of which as much is shown as prints.
func refusal(issuer string, status int, text []byte) error {
	var said struct {
		Code   string `json:"error"`
		Reason string `json:"error_description"`
	}
	_ = json.Unmarshal(text, &said) // whatever isn't one is told by its status
	return &Refused{issuer, status, words.Cut(words.Clean(said.Code), 80), words.Cut(words.Clean(said.Reason), 300)}
}
