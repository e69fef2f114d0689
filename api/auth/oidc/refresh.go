package oidc

import (
	"context"
	"time"

	"starling/api/auth/jwks"
)

const (
	// refresh is how often an issuer is asked, and so how long a key that it has
	// withdrawn is believed.
	refresh = 5 * time.Minute
	// pause is how soon it is asked again because of a key that isn't known:
	// anybody can send a token that names one.
	pause = 30 * time.Second
	// patience is how long a request waits for the issuer's answer.
	patience = 5 * time.Second
	// attempt is how long asking may take.
	attempt = 10 * time.Second
	// retry is how soon an issuer is asked again that has not answered, doubled
	// each time, up to refresh.
	retry = 5 * time.Second
)

// freshen has the issuer asked, unless it just was, and waits a little for that.
func (p *Provider) freshen(ctx context.Context) {
	p.mu.Lock()
	round, asking, asked := p.round, p.asking, p.asked
	p.mu.Unlock()
	if !asking {
		if p.now().Sub(asked) < pause {
			return
		}
		select {
		case p.wanted <- struct{}{}:
		default: // somebody else has said so
		}
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-round:
	case <-limit.C:
	case <-ctx.Done():
	case <-p.stopped:
	}
}

// run asks the issuer, again and again, until ctx ends.
func (p *Provider) run(ctx context.Context) {
	defer close(p.stopped)
	backoff := retry
	for {
		wait := refresh
		if p.askOnce(ctx) == nil {
			backoff = retry
		} else {
			wait, backoff = backoff, min(2*backoff, refresh)
		}
		if !p.sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits until the issuer is to be asked again; false: never.
func (p *Provider) sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-p.wanted:
			// Who said so before the last answer came has it by now.
			p.mu.Lock()
			due := p.now().Sub(p.asked) >= pause
			p.mu.Unlock()
			if due {
				return true
			}
		}
	}
}

// askOnce asks the issuer and keeps what it says.
func (p *Provider) askOnce(ctx context.Context) error {
	p.mu.Lock()
	p.asking = true
	p.mu.Unlock()
	within, cancel := context.WithTimeout(ctx, attempt)
	document, keys, skipped, err := p.ask(within)
	cancel()
	if err == nil {
		p.learn(document.Endpoints, keys, skipped)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() == nil {
		p.report(err)
	}
	p.trouble, p.asked, p.asking = err, p.now(), false
	close(p.round)
	p.round = make(chan struct{})
	return err
}

// learn keeps what the issuer has said. Keys are exchanged as a whole: what isn't
// among them any more has been withdrawn.
func (p *Provider) learn(endpoints Endpoints, keys jwks.Set, skipped []error) {
	before, generation := p.known.Load(), uint64(1)
	if before != nil {
		generation = before.generation
		if before.keys.Equal(keys) {
			p.known.Store(&knowledge{keys, endpoints, p.now(), generation})
			return
		}
		generation++
	}
	p.known.Store(&knowledge{keys, endpoints, p.now(), generation})
	p.log.Info("an issuer has these keys now", "issuer", p.issuer, "keys", keys.Len())
	for _, reason := range skipped {
		p.log.Warn("a key of an issuer is not used", "issuer", p.issuer, "reason", reason)
	}
}

// report says when asking begins to fail, and when it works again; p.mu is held.
func (p *Provider) report(err error) {
	if err != nil {
		p.failed.Inc()
	}
	switch {
	case err != nil && p.trouble == nil:
		p.log.Warn("an issuer can't be asked for its keys; those that it had go on counting", "issuer", p.issuer, "error", err)
	case err == nil && p.trouble != nil:
		p.log.Info("an issuer answers again", "issuer", p.issuer)
	}
}
