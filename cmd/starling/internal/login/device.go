package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starling/cmd/starling/internal/words"
	"starling/federation/identity"
)

// Want is what a login is for.
type Want struct {
	Client string
	Scopes []string
	// Resource is the node that the token is to be for; "" leaves it to the issuer.
	Resource string
}

// Device is a login that waits for its user (RFC 8628 section 3.2).
type Device struct {
	Code      identity.Secret // the program's
	UserCode  string          // the one to be typed
	Page      string          // where
	WholePage string          // the same with the code in it, "" where there is none
	Expires   time.Time
	interval  time.Duration
	client    string
}

// Token is what an issuer has given.
type Token struct {
	Access, Refresh identity.Secret
	Expires         time.Time // zero: it doesn't say
}

// Bounds of what an issuer may say of the times of a login.
const (
	usualInterval = 5 * time.Second // RFC 8628 section 3.2
	maxInterval   = time.Minute
	maxWait       = time.Hour
	maxCode       = 64 // characters of a user's code
	slower        = 5 * time.Second
)

// Errors of a login, to be shown.
var (
	ErrNoDevices = errors.New("the issuer offers no login by a device code; get a token from it in another way, and give it with --token-file")
	ErrDenied    = errors.New("the login was refused on the issuer's page")
	ErrTooLate   = errors.New("the code has expired before anybody confirmed it; begin again")
)

// Begin asks for the codes of a login.
func (i *Issuer) Begin(ctx context.Context, want Want) (*Device, error) {
	if i.Device == "" {
		return nil, ErrNoDevices
	}
	form := url.Values{"client_id": {want.Client}}
	if len(want.Scopes) > 0 {
		form.Set("scope", strings.Join(want.Scopes, " "))
	}
	if want.Resource != "" {
		// The standard's name (RFC 8707), and the one that INDIGO IAM reads.
		form.Set("resource", want.Resource)
		form.Set("audience", want.Resource)
	}
	var said struct {
		Device    string  `json:"device_code"`
		User      string  `json:"user_code"`
		Page      string  `json:"verification_uri"`
		WholePage string  `json:"verification_uri_complete"`
		ExpiresIn float64 `json:"expires_in"`
		Interval  float64 `json:"interval"`
	}
	if err := i.post(ctx, i.Device, form, &said); err != nil {
		return nil, err
	}
	if said.Device == "" || said.User == "" || len(said.User) > maxCode || words.Clean(said.User) != said.User {
		return nil, fmt.Errorf("the issuer %s answers no codes", i.URL)
	}
	d := &Device{
		Code: identity.NewSecret(said.Device), UserCode: said.User, Page: said.Page, client: want.Client,
		Expires: i.caller.Now().Add(bounded(said.ExpiresIn, maxWait, maxWait)), interval: bounded(said.Interval, usualInterval, maxInterval),
	}
	if err := Secure(said.Page); err != nil || words.Clean(said.Page) != said.Page {
		return nil, fmt.Errorf("the issuer %s names no page to log in at: %w", i.URL, err)
	}
	if Secure(said.WholePage) == nil && words.Clean(said.WholePage) == said.WholePage {
		d.WholePage = said.WholePage
	}
	return d, nil
}

// bounded is a number of seconds that an issuer has said, if it makes sense.
func bounded(seconds float64, usual, most time.Duration) time.Duration {
	if !(seconds > 0) {
		return usual
	}
	return time.Duration(min(seconds, most.Seconds()) * float64(time.Second))
}

// Wait asks for the user's answer, as often as the issuer wants, until there is
// one. An issuer that doesn't answer for a while is asked again (RFC 8628
// section 3.5).
func (i *Issuer) Wait(ctx context.Context, d *Device) (Token, error) {
	interval := d.interval
	for {
		if err := i.caller.Sleep(ctx, interval); err != nil {
			return Token{}, err
		}
		if !i.caller.Now().Before(d.Expires) {
			return Token{}, ErrTooLate
		}
		token, err := i.grant(ctx, url.Values{
			"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
			"device_code": {d.Code.Reveal()}, "client_id": {d.client},
		})
		var lost *Unreachable
		var refused *Refused
		switch {
		case err == nil:
			return token, nil
		case refusedWith(err, "authorization_pending"):
		case refusedWith(err, "slow_down"):
			interval += slower
		case refusedWith(err, "access_denied"):
			return Token{}, ErrDenied
		case refusedWith(err, "expired_token"):
			return Token{}, ErrTooLate
		case errors.As(err, &lost), errors.As(err, &refused) && again(refused.Status):
			interval = min(2*interval, maxInterval)
		default:
			return Token{}, err
		}
	}
}

// again reports whether the same question may have another answer later.
func again(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500
}

// maxToken bounds a token that an issuer gives, in bytes: nodes read no larger
// one.
const maxToken = 16 << 10

// grant asks the token endpoint.
func (i *Issuer) grant(ctx context.Context, form url.Values) (Token, error) {
	return i.grantAs(ctx, form, nil)
}

func (i *Issuer) grantAs(ctx context.Context, form url.Values, as *url.Userinfo) (Token, error) {
	var said struct {
		Access    string  `json:"access_token"`
		Type      string  `json:"token_type"`
		ExpiresIn float64 `json:"expires_in"`
		Refresh   string  `json:"refresh_token"`
	}
	if err := i.postAs(ctx, i.Token, form, as, &said); err != nil {
		return Token{}, err
	}
	if !isToken(said.Access) || !strings.EqualFold(said.Type, "Bearer") || said.Refresh != "" && !isToken(said.Refresh) {
		return Token{}, fmt.Errorf("the issuer %s answers no bearer token", i.URL)
	}
	t := Token{Access: identity.NewSecret(said.Access), Refresh: identity.NewSecret(said.Refresh)}
	if said.ExpiresIn > 0 {
		t.Expires = i.caller.Now().Add(bounded(said.ExpiresIn, 0, maxLifetime))
	}
	return t, nil
}

// maxLifetime bounds how long a token is taken to be good.
const maxLifetime = 366 * 24 * time.Hour

// isToken reports whether a text can stand in a header (RFC 6750 section 2.1).
func isToken(text string) bool {
	return text != "" && len(text) <= maxToken && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
