package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"starling/api/auth/exchange"
	"starling/federation/identity"
)

// Issuer exchanges tokens of its users.
type Issuer interface {
	Exchange(ctx context.Context, subject identity.Secret, w exchange.Want) (exchange.Token, error)
	Refresh(ctx context.Context, refresh identity.Secret, w exchange.Want) (exchange.Token, error)
}

var _ Issuer = (*exchange.Client)(nil)

// Options is what a Keeper is made of.
type Options struct {
	Dir     string // the data directory, which has the key
	Sources []Source
	Issuers map[string]Issuer // by their URL
	Now     func() time.Time  // nil: time.Now
}

// Keeper gets the tokens that sessions need for their data. It remembers nothing:
// what it seals its caller keeps. It is safe for concurrent use.
type Keeper struct {
	Options
	key [keyBytes]byte
}

// Open reads the key, or makes it.
func Open(o Options) (*Keeper, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	key, err := loadKey(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("read the key of the tokens for data: %w", err)
	}
	return &Keeper{o, key}, nil
}

// Needs lists the tokens that data at these locations need; none is the usual
// case. The error is for the user.
func (k *Keeper) Needs(locations []string) ([]Need, error) { return needsOf(k.Sources, locations) }

// Missing says, in words for the user, why a caller can't get a token; nil if she
// probably can.
func (k *Keeper) Missing(caller identity.Caller, n Need) error {
	switch {
	case k.Issuers[n.Issuer] == nil:
		return fmt.Errorf("this site has no client at issuer %s to get one with; its operator should look at auth.issuers", n.Issuer)
	case caller.Token.IsZero() && len(caller.Via) > 0:
		return fmt.Errorf("%s asked on your behalf, and has no token of yours to give; ask this site itself", caller.Via[len(caller.Via)-1])
	case caller.Token.IsZero():
		return fmt.Errorf("you sent none; log in at issuer %s", n.Issuer)
	case caller.Subject.Issuer != n.Issuer:
		return fmt.Errorf("issuer %s gives it, and your token is another's; log in there", n.Issuer)
	}
	return nil
}

// entry is a token as it is kept: one that can be renewed, or one that lasts.
type entry struct {
	Source  Source    `json:"source"`
	Words   []string  `json:"words"`
	Refresh string    `json:"refresh,omitempty"`
	Access  string    `json:"access,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of Access
}

func (e entry) want() exchange.Want {
	return exchange.Want{Audience: e.Source.Audience, Scope: e.Words, Offline: e.Refresh != ""}
}

// Acquire exchanges a caller's token for those that a session needs. Sealed is to
// be kept with the session; until is when the first of them ends that can't be
// renewed, zero if all can.
func (k *Keeper) Acquire(ctx context.Context, session identity.UUID, caller identity.Caller, needs []Need) (sealed []byte, until time.Time, err error) {
	var kept []entry
	for _, n := range needs {
		err := k.Missing(caller, n)
		if err == nil {
			var e entry
			if e, err = k.acquire(ctx, caller.Token, n); err == nil {
				kept = append(kept, e)
				if e.Refresh == "" && (until.IsZero() || e.Expires.Before(until)) {
					until = e.Expires
				}
				continue
			}
		}
		return nil, time.Time{}, &Error{Source: n.Source, Cause: err}
	}
	sealed, err = k.seal(session, kept)
	return sealed, until, err
}

// acquire gets one token: one that can be renewed, if the issuer gives such.
func (k *Keeper) acquire(ctx context.Context, subject identity.Secret, n Need) (entry, error) {
	e := entry{Source: n.Source, Words: n.Words}
	want := e.want()
	want.Offline = true
	token, err := k.Issuers[n.Issuer].Exchange(ctx, subject, want)
	if refused := new(exchange.Refusal); errors.As(err, &refused) && refused.Code == "invalid_scope" {
		// It may be offline_access that it doesn't give.
		token, err = k.Issuers[n.Issuer].Exchange(ctx, subject, e.want())
	}
	if err != nil {
		return entry{}, err
	}
	if token.Refresh.IsZero() {
		e.Access, e.Expires = token.Access.Reveal(), token.Expires
	} else {
		e.Refresh = token.Refresh.Reveal()
	}
	return e, nil
}

// Token is what the server of some data wants to see.
type Token struct {
	Secret  identity.Secret
	Expires time.Time
}

// Tokens finds tokens by the location of the data.
type Tokens struct {
	sources []Source
	tokens  map[Source]Token
}

// For returns the token that the server of a location wants to see.
func (t Tokens) For(location string) (Token, bool) {
	source, _, err := match(t.sources, location)
	if err != nil || source == nil {
		return Token{}, false
	}
	token, found := t.tokens[*source]
	return token, found
}

// Fresh gets access tokens for what was sealed for a session. Where an issuer has
// replaced a refresh token, replaced is to be kept instead of what was sealed,
// before any of the tokens is used and also where there is an error: the old one is
// good for nothing any more. The error is an *Error.
func (k *Keeper) Fresh(ctx context.Context, session identity.UUID, sealed []byte) (tokens Tokens, replaced []byte, err error) {
	kept, err := k.open(session, sealed)
	if err != nil {
		return Tokens{}, nil, &Error{Cause: err}
	}
	tokens, changed := Tokens{tokens: map[Source]Token{}}, false
	for i, e := range kept {
		token, renewed, failure := k.fresh(ctx, e)
		if failure != nil {
			err = &Error{Source: e.Source, Cause: failure}
			break
		}
		if renewed != "" && renewed != e.Refresh {
			kept[i].Refresh, changed = renewed, true
		}
		tokens.sources = append(tokens.sources, e.Source)
		tokens.tokens[e.Source] = token
	}
	if changed {
		var failure error
		if replaced, failure = k.seal(session, kept); failure != nil {
			err = &Error{Cause: failure}
		}
	}
	if err != nil {
		return Tokens{}, replaced, err
	}
	return tokens, replaced, nil
}

// fresh gets one access token, and the refresh token that replaces the one it was
// got with, "" where none does.
func (k *Keeper) fresh(ctx context.Context, e entry) (Token, string, error) {
	if e.Refresh == "" {
		if !k.Now().Before(e.Expires) {
			return Token{}, "", fmt.Errorf("it ended at %s, and issuer %s gave none that can be renewed", e.Expires.UTC().Format(time.RFC3339), e.Source.Issuer)
		}
		return Token{identity.NewSecret(e.Access), e.Expires}, "", nil
	}
	issuer := k.Issuers[e.Source.Issuer]
	if issuer == nil {
		return Token{}, "", fmt.Errorf("this site has no client at issuer %s any more", e.Source.Issuer)
	}
	token, err := issuer.Refresh(ctx, identity.NewSecret(e.Refresh), e.want())
	if err != nil {
		return Token{}, "", err
	}
	return Token{token.Access, token.Expires}, token.Refresh.Reveal(), nil
}

func (k *Keeper) seal(session identity.UUID, kept []entry) ([]byte, error) {
	plain, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	return seal(k.key, session, plain)
}

func (k *Keeper) open(session identity.UUID, sealed []byte) ([]entry, error) {
	plain, err := open(k.key, session, sealed)
	if err != nil {
		return nil, err
	}
	var kept []entry
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, errSealed
	}
	return kept, nil
}

// Error is why there is no token for some data, in words for their user.
type Error struct {
	Source Source // zero: all
	Cause  error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Source == (Source{}) {
		return e.Cause.Error()
	}
	return fmt.Sprintf("the data at %s need a token: %v", e.Source.URL, e.Cause)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Passing reports whether the same a little later may fare better.
func (e *Error) Passing() bool { return errors.Is(e.Cause, exchange.ErrUnavailable) }
