package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// maxCached bounds the tokens that are remembered.
const maxCached = 1024

// digest names what was exchanged for what: nothing of the token can be read
// from it.
type digest [sha256.Size]byte

func digestOf(subject string, w Want) digest {
	return sha256.Sum256([]byte(subject + "\x00" + w.key()))
}

// cache remembers tokens until shortly before they end, so that somebody who asks
// often is exchanged for once; and while that is under way, others wait for it.
type cache struct {
	mu      sync.Mutex
	tokens  map[digest]cached
	flights map[digest]*flight
}

type cached struct {
	token Token
	until time.Time
}

// flight is an exchange under way.
type flight struct {
	done  chan struct{}
	token Token
	err   error
}

func newCache() *cache {
	return &cache{tokens: map[digest]cached{}, flights: map[digest]*flight{}}
}

// get returns a token that is good at now, fetching it where there is none.
func (c *cache) get(ctx context.Context, key digest, now func() time.Time, fetch func(context.Context) (Token, error)) (Token, error) {
	for {
		c.mu.Lock()
		if have, ok := c.tokens[key]; ok && now().Before(have.until) {
			c.mu.Unlock()
			return have.token, nil
		}
		under := c.flights[key]
		if under == nil {
			under = &flight{done: make(chan struct{}), err: errors.New("the exchange was broken off")}
			c.flights[key] = under
			c.mu.Unlock()
			c.fly(ctx, key, under, now, fetch)
			return under.token, under.err
		}
		c.mu.Unlock()
		select {
		case <-under.done:
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
		// Whoever fetched it may have left; then it is fetched again.
		if under.err == nil || !errors.Is(under.err, context.Canceled) && !errors.Is(under.err, context.DeadlineExceeded) {
			return under.token, under.err
		}
	}
}

// fly fetches a token for all that wait for it.
func (c *cache) fly(ctx context.Context, key digest, f *flight, now func() time.Time, fetch func(context.Context) (Token, error)) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, key)
		if f.err == nil {
			c.keep(key, f.token, now())
		}
		close(f.done)
	}()
	f.token, f.err = fetch(ctx)
}

// keep remembers a token; c.mu is held. It is used no more when a fifth of its
// life is left, or a minute, so that whoever gets it can use it.
func (c *cache) keep(key digest, t Token, now time.Time) {
	lifetime := t.Expires.Sub(now)
	until := t.Expires.Add(-min(lifetime/5, time.Minute))
	if len(c.tokens) >= maxCached {
		c.makeRoom(now)
	}
	c.tokens[key] = cached{t, until}
}

// makeRoom forgets what has ended, or else whichever comes first.
func (c *cache) makeRoom(now time.Time) {
	for key, have := range c.tokens {
		if !now.Before(have.until) {
			delete(c.tokens, key)
		}
	}
	for key := range c.tokens {
		if len(c.tokens) < maxCached {
			return
		}
		delete(c.tokens, key)
	}
}
