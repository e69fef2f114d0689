package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"starling/federation/identity"
)

// Authorizer says in a request to another node on whose behalf it is made.
type Authorizer interface {
	Authorize(ctx context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error
}

// Delegator is an Authorizer that does so with a token for that node alone, which
// the caller's issuer gives in exchange for hers. Her own token goes nowhere but to
// her issuer.
type Delegator struct {
	// Issuers exchange tokens, by their URL.
	Issuers map[string]*Client
	// Audience is that of a node: its URL.
	Audience func(identity.NodeName) (string, bool)
	// Otherwise is asked where an issuer can't or doesn't do that; nil: then there is
	// no asking on behalf of its users.
	Otherwise Authorizer
}

// Authorize implements Authorizer. A refusal that is about the user is final: whom
// her issuer doesn't know any more, nobody should vouch for.
func (d *Delegator) Authorize(ctx context.Context, r *http.Request, caller identity.Caller, to identity.NodeName) error {
	token, err := d.exchange(ctx, caller, to)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token.Access.Reveal())
		return nil
	}
	refused := new(Refusal)
	if d.Otherwise == nil || ctx.Err() != nil || errors.As(err, &refused) && refused.OfUser() {
		return err
	}
	return d.Otherwise.Authorize(ctx, r, caller, to)
}

// exchange gets the caller's token for a node, with no more scope than hers has.
func (d *Delegator) exchange(ctx context.Context, caller identity.Caller, to identity.NodeName) (Token, error) {
	client := d.Issuers[caller.Subject.Issuer]
	switch {
	case client == nil:
		return Token{}, fmt.Errorf("issuer %q: %w here (auth.issuers, exchange), and this node asks others in no other way (auth.delegation)", caller.Subject.Issuer, ErrNotOffered)
	case caller.Token.IsZero():
		return Token{}, fmt.Errorf("%w: another node asks on behalf of %s and has passed none on", ErrNotOffered, caller.User)
	}
	audience, known := d.Audience(to)
	if !known || audience == "" {
		return Token{}, fmt.Errorf("%w: node %s has not said by which URL it goes", ErrUnavailable, to)
	}
	want := Want{Audience: audience}
	for _, word := range caller.Subject.Capabilities {
		if word != OfflineAccess {
			want.Scope = append(want.Scope, word)
		}
	}
	return client.Exchange(ctx, caller.Token, want)
}
