package login

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Tokens gives the token of a login, and refreshes it before it is over. It is
// safe for concurrent use, by several processes too.
type Tokens struct {
	Store  Store
	Origin string // the node that it is for
	Caller Caller

	mu    sync.Mutex
	login Login
	taken bool // login is what the file has said
}

// margin is how long before its end a token is replaced, so that it doesn't end
// on its way: a quarter of its life, if that is shorter.
const margin = 30 * time.Second

// ErrOver says that a login has ended.
var ErrOver = errors.New("the login has ended; log in again: starling login")

// Token returns a token that is good for a while. The error is ErrNone where
// there is no login, and wraps ErrOver where it has ended.
func (t *Tokens) Token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.taken {
		if err := t.take(); err != nil {
			return "", err
		}
	}
	if t.fresh() {
		return t.login.Access.Reveal(), nil
	}
	if err := t.replace(ctx); err != nil {
		return "", err
	}
	return t.login.Access.Reveal(), nil
}

func (t *Tokens) take() error {
	login, err := t.Store.Find(t.Origin)
	t.login, t.taken = login, err == nil
	return err
}

// fresh reports whether the token can be sent as it is.
func (t *Tokens) fresh() bool {
	l := t.login
	return l.Expires.IsZero() || t.Caller.Now().Add(min(margin, l.Expires.Sub(l.Since)/4)).Before(l.Expires)
}

// over reports whether the token has ended.
func (t *Tokens) over() bool { return !t.Caller.Now().Before(t.login.Expires) }

// replace gets the next token. It looks first whether another process has.
func (t *Tokens) replace(ctx context.Context) error {
	unlock, err := t.Store.lock(ctx, t.Origin)
	if err != nil {
		return err
	}
	defer unlock()
	if err := t.take(); err != nil {
		return err
	}
	if t.fresh() || !t.login.Lasts() && !t.over() {
		return nil
	}
	if !t.login.Lasts() {
		return fmt.Errorf("the token for %s was good until %s: %w", t.Origin, t.login.Expires.Format(time.RFC3339), ErrOver)
	}
	// From here on nothing breaks it off but time: an answer that isn't read would
	// be a login that is lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*t.Caller.Timeout)
	defer cancel()
	next, err := t.next(ctx)
	var lost *Unreachable
	switch {
	case errors.As(err, &lost) && !t.over():
		return nil // what there is does for now
	case refusedWith(err, "invalid_grant"):
		return fmt.Errorf("the issuer %s doesn't go on with it: %w", t.login.Issuer, ErrOver)
	case err != nil:
		return fmt.Errorf("refresh the login for %s: %w", t.Origin, err)
	}
	login := t.login
	login.Access, login.Refresh, login.Since, login.Expires = next.Access, next.Refresh, t.Caller.Now(), next.Expires
	if err := t.Store.write(login); err != nil {
		return err
	}
	t.login = login
	return nil
}

func (t *Tokens) next(ctx context.Context) (Token, error) {
	issuer, err := t.Caller.Discover(ctx, t.login.Issuer)
	if err != nil {
		return Token{}, err
	}
	return issuer.refresh(ctx, t.login.Client, t.login.Refresh)
}
