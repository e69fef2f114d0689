package login

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"starling/federation/identity"
)

// refresh asks for a token in place of one that is over. An issuer that replaces
// no refresh tokens leaves the one there is.
func (i *Issuer) refresh(ctx context.Context, client string, old identity.Secret) (Token, error) {
	t, err := i.grant(ctx, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {old.Reveal()}, "client_id": {client},
	})
	if err == nil && t.Refresh.IsZero() {
		t.Refresh = old
	}
	return t, err
}

// Revoke tells the issuer that a login is over (RFC 7009). It reports false where
// the issuer doesn't offer that.
func (i *Issuer) Revoke(ctx context.Context, l Login) (bool, error) {
	if i.Revocation == "" {
		return false, nil
	}
	for hint, token := range map[string]identity.Secret{"refresh_token": l.Refresh, "access_token": l.Access} {
		if token.IsZero() {
			continue
		}
		form := url.Values{"token": {token.Reveal()}, "token_type_hint": {hint}, "client_id": {l.Client}}
		if err := i.post(ctx, i.Revocation, form, nil); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Name is whose token a development issuer is asked for, and for what.
type Name struct {
	User     string
	Groups   []string
	Audience string
	Scope    string
	For      time.Duration
}

// ByName asks a development issuer for a token of any name, as its administrator.
func (i *Issuer) ByName(ctx context.Context, grant, client string, secret identity.Secret, n Name) (Token, error) {
	form := url.Values{
		"grant_type": {grant}, "user": {n.User}, "groups": {strings.Join(n.Groups, " ")},
		"lifetime": {strconv.Itoa(int(n.For.Seconds()))}, "scope": {n.Scope},
	}
	if n.Audience != "" {
		form.Set("audience", n.Audience)
	}
	return i.grantAs(ctx, form, url.UserPassword(client, secret.Reveal()))
}
